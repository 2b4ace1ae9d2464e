/** Bringing files: chosen or dropped, sent in pieces, taken up again where they stopped. */

import { figure, unitOf } from "./figures.js";
import { Sending } from "./sending.js";

const cards = document.getElementById("cards");
const formOf = (event) => event.target.closest?.("form.choose");

/** What the portal knows by now: cards whose file is not on its way, and whether it can go on. */
function refresh() {
  return htmx.ajax("GET", cards.dataset.changed, { source: document.body, target: "#cards", swap: "none" });
}

function tell(part, words) {
  const place = document.getElementById(`told-${part}`);
  if (place) place.textContent = words;
}

/** Why this is not the file that was begun; empty when it is. */
function isOther(file, { name, size }) {
  if (file.name === name && file.size === Number(size)) return "";
  const said = (bytes) => `${figure(bytes, unitOf(bytes))} ${unitOf(bytes)} (${bytes.toLocaleString("en")} bytes)`;
  return `This is another file: ${file.name}, ${said(file.size)}. Choose ${name}, ${said(Number(size))}, or remove it first.`;
}

async function choose(form, file) {
  const { part, transfer } = form.dataset;
  const other = transfer ? isOther(file, form.dataset) : "";
  if (other) {
    form.reset();
    tell(part, other);
    return;
  }
  try {
    await import(cards.dataset.library); // large, and needed by whoever sends a file only: it defines tus
  } catch {
    tell(part, "The portal does not answer. Nothing was sent; try again.");
    return;
  }
  const section = document.getElementById(`part-${part}`);
  const sending = new Sending(section, file, {
    endpoint: cards.dataset.transfers,
    uploadUrl: transfer ?? null,
    chunkSize: Number(cards.dataset.chunkBytes),
    metadata: { filename: file.name, part },
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    began: refresh,
    async ended(words = "") {
      section.querySelector("article")?.remove();
      await refresh();
      tell(part, words);
      document.getElementById(`part-${part}`)?.querySelector("input[type=file], .icon-button")?.focus();
    },
  });
  sending.part("pauses").focus({ preventScroll: true });
}

document.addEventListener("change", (event) => {
  const form = formOf(event);
  if (form && event.target.files?.length) choose(form, event.target.files[0]);
});
// Whoever is quick has chosen before this script was there.
for (const input of document.querySelectorAll("form.choose input[type=file]")) {
  if (input.files.length) choose(input.form, input.files[0]);
}

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const form = formOf(event);
    if (!form?.querySelector("input[type=file]")) return;
    event.preventDefault();
    form.classList.toggle("is-over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) choose(form, event.dataTransfer.files[0]);
  });
}
