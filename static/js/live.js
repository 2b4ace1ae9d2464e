/** Live parts: rows and panel that refresh themselves; what every request of htmx has in common. */

/** Make one element like another with as little change as possible: focus, open menus and moving bars stay. */
function morph(old, fresh) {
  if (!old || old.isEqualNode(fresh)) return;
  if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    old.data = fresh.data;
    return;
  }
  if (old.nodeName !== fresh.nodeName || old.childNodes.length !== fresh.childNodes.length) {
    const hadFocus = old.contains?.(document.activeElement);
    old.replaceWith(fresh);
    if (hadFocus) (fresh.querySelector?.("a, button") ?? fresh).focus?.({ preventScroll: true });
    return;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const freshChildren = [...fresh.childNodes];
  [...old.childNodes].forEach((child, place) => morph(child, freshChildren[place]));
}

function take(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const fresh of [...template.content.children]) {
    const old = document.getElementById(fresh.id);
    if (old && "gone" in fresh.dataset) old.remove();
    else morph(old, fresh);
    const now = document.getElementById(fresh.id);
    if (now) htmx.process(now);
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && "live" in event.target.dataset) event.preventDefault();
});
document.addEventListener("htmx:configRequest", (event) => {
  const given = event.detail.parameters;
  for (const name of Object.keys(given)) if (given[name] === "") delete given[name];
});
document.addEventListener("htmx:beforeSwap", (event) => {
  // Signed out meanwhile: the sign-in page belongs into the window, not into a part of this page.
  const answered = event.detail.xhr.responseURL;
  if (answered.includes("/sign-in/")) event.target.id === "dialog" ? location.assign(answered) : location.reload();
  else if (answered.includes("/account/proof/")) location.assign(answered);
  else if ("live" in event.target.dataset && event.detail.xhr.status < 300) take(event.detail.serverResponse);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-opens-filters]");
  if (button) button.setAttribute("aria-expanded", button.form.classList.toggle("is-open"));
});
