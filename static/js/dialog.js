/** Dialogs: a link to a dialog's page opens it here, over the page. Without this script the link leads to the page. */

const dialog = document.getElementById("dialog");
let opener = null;
let isOnItsWay = false;

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (link && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    if (!isOnItsWay) await openDialog(link);
  }
  if (event.target.closest("[data-closes-dialog]") && dialog.open) {
    event.preventDefault();
    dialog.close();
  }
});

// Asked for by the dialog itself: behind another request of the same element it would end at once, without an answer.
async function openDialog(link) {
  isOnItsWay = true;
  // A menu goes away with its items: focus returns to the button that opened it.
  const menu = link.closest("[popover]");
  opener = menu ? menu.opener : link;
  menu?.hidePopover();
  await htmx.ajax("GET", link.href, { source: dialog, target: "#dialog", swap: "innerHTML" }).catch(() => {});
  isOnItsWay = false;
  if (dialog.querySelector("form")) show();
  else location.href = link.href;
}

function show() {
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("input:not([type=hidden]), textarea, a.is-quiet")?.focus();
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target !== dialog || !dialog.open) return;
  dialog.querySelector("[aria-invalid=true], button:not([disabled])")?.focus();
});

dialog?.addEventListener("close", () => {
  dialog.replaceChildren();
  opener?.focus({ preventScroll: true });
});
