/** Copying a checksum or an address. */

function say(words) {
  document.getElementById("announcement").textContent = words;
}

async function copy(button) {
  const { copy: text, copyAddress: address, said } = button.dataset;
  try {
    await navigator.clipboard.writeText(text ?? new URL(address, location.href).href);
  } catch {
    say("Copying is not allowed here.");
    return;
  }
  say(said);
  button.classList.add("is-done");
  setTimeout(() => button.classList.remove("is-done"), 1600);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-copy-address]");
  if (button) copy(button);
});
