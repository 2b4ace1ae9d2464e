/** Keeping what was typed, when signing in again comes between a form and its answer. */

const DOORS = ["/sign-in/", "/account/security/authenticate/"];
const SECRET = ["password", "hidden", "file", "submit"];
const placeOf = (form) => `typed:${new URL(form.action, location.href).pathname}`;
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !SECRET.includes(field.type));

document.addEventListener("submit", ({ target: form }) => {
  if (form.method !== "post" || form.closest(".door, .menu")) return;
  const typed = fieldsOf(form).map(({ name, value, checked }) => [name, value, checked]);
  sessionStorage.setItem(placeOf(form), JSON.stringify(typed));
}, true);

function giveBack(form) {
  const typed = JSON.parse(sessionStorage.getItem(placeOf(form)) ?? "[]");
  for (const [name, value, checked] of typed) {
    const fields = fieldsOf(form).filter((field) => field.name === name);
    for (const field of fields) {
      if (field.type === "checkbox" || field.type === "radio") {
        if (field.value === value) field.checked = checked;
      } else field.value = value;
    }
  }
}

const cameFrom = document.referrer ? new URL(document.referrer) : null;
if (cameFrom?.origin === location.origin && DOORS.some((door) => cameFrom.pathname.startsWith(door))) {
  for (const form of document.querySelectorAll("main form[method=post]")) giveBack(form);
}
if (!document.querySelector(".door")) {
  for (const place of Object.keys(sessionStorage)) if (place.startsWith("typed:")) sessionStorage.removeItem(place);
}
