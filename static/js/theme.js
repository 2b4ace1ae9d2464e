/** Light or dark at once, without loading the page again. The server keeps the choice. */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const given = new FormData(form, event.submitter);
  const chosen = given.get("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
  for (const button of form.elements.theme) button.setAttribute("aria-pressed", button.value === chosen);
  fetch(form.action, { method: "POST", body: given, redirect: "manual" });
});
