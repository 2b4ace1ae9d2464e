/** Menus: popovers that open under their button, walked with the arrow keys. Escape and clicks outside are native. */

const hasAnchors = CSS.supports("position-area", "bottom");
const items = (menu) => [...menu.querySelectorAll("a, button")].filter((item) => item.offsetParent !== null);

function place(menu) {
  const button = menu.opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = menu.classList.contains("opens-right") ? button.left : button.right - width;
  const below = button.bottom + 4;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${below + height > innerHeight ? Math.max(8, button.top - height - 8) : below}px`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[popovertarget]");
  if (button) document.getElementById(button.getAttribute("popovertarget")).opener = button;
}, true);

// A choice ends the menu, also one that leaves the page where it is, as a download does.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("[role=menuitem]");
  chosen?.closest(".menu[popover]")?.hidePopover();
});

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.(".menu[popover]")) return;
  if (event.newState === "closed") {
    if (menu.id === "row-menu") menu.replaceChildren();
    return;
  }
  if (!hasAnchors && menu.opener) place(menu);
  if (menu.getAttribute("role") === "menu") items(menu)[0]?.focus({ preventScroll: true });
}, true);

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "row-menu" || !event.target.matches(":popover-open")) return;
  if (!hasAnchors) place(event.target);
  items(event.target)[0]?.focus({ preventScroll: true });
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu[popover]:popover-open");
  if (!menu || event.target.matches("input")) return;
  const all = items(menu);
  const now = all.indexOf(document.activeElement);
  const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  all.at(next % all.length)?.focus();
});
