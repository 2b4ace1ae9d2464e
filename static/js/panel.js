/** Details open beside the list where there is room. Elsewhere, and without this script, they are a page. */

const wide = matchMedia("(width >= 1280px)");
const isOrdinary = (event) => event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
const linkOf = (row) => document.querySelector(`#${CSS.escape(row)} a[data-panel]`);

function select(row) {
  for (const link of document.querySelectorAll("#results a[aria-current]")) link.removeAttribute("aria-current");
  if (row) linkOf(row)?.setAttribute("aria-current", "true");
}

async function openPanel(link) {
  link.closest("[popover]")?.hidePopover();
  await htmx.ajax("GET", link.dataset.panel, { target: "#panel", swap: "innerHTML show:none" });
  const details = document.getElementById("details");
  if (!details || !details.parentElement) return;
  select(details.dataset.backup);
  details.querySelector("h1").focus({ preventScroll: true });
}

function closePanel(link) {
  const row = document.getElementById("details").dataset.backup;
  document.getElementById("panel").replaceChildren();
  history.pushState({ htmx: true }, "", link.href);
  select("");
  linkOf(row)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  if (!wide.matches || !isOrdinary(event)) return;
  const opens = event.target.closest("a[data-panel]");
  const closes = event.target.closest("a[data-closes-panel]");
  if (!opens && !closes) return;
  event.preventDefault();
  if (opens) openPanel(opens);
  else closePanel(closes);
});
