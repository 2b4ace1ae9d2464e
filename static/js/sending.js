/** One file on its way: its pieces, its pauses, and what its card tells. */

import { figure, Rate, unitOf } from "./figures.js";

const RETRY_AFTER = [0, 1000, 2000, 3000, 5000, 10_000, 15_000, 30_000, 30_000, 30_000];
export class Sending {
  /** `began` is called when the portal knows of it, `ended` with a sentence, or without one when all of it is there. */
  constructor(section, file, { began, ended, ...options }) {
    this.ended = ended;
    this.card = document.createElement("article");
    this.card.className = "card part-card";
    this.card.append(document.getElementById("sending").content.cloneNode(true));
    section.replaceChildren(...section.querySelectorAll(":scope > h2"), this.card);
    this.part("name").textContent = file.name;
    this.card.querySelector("progress").ariaLabel = `How much of ${file.name} is sent`;
    this.upload = new tus.Upload(file, {
      ...options,
      retryDelays: RETRY_AFTER,
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: began,
      onProgress: (sent, total) => this.show(sent, total),
      onShouldRetry: (error) => this.retries(error),
      onError: (error) => this.fail(error),
      onSuccess: () => ended(),
    });
    this.part("pauses").addEventListener("click", () => (this.isPaused ? this.start() : this.pause()));
    this.part("removes").addEventListener("click", () => this.remove());
    addEventListener("online", () => this.isLost && this.start());
    this.start();
  }

  part = (name) => this.card.querySelector(`[data-${name}]`);

  say(words, { isPaused = false, isLost = false } = {}) {
    Object.assign(this, { isPaused, isLost, rate: new Rate() });
    this.part("state").textContent = words;
    this.card.classList.toggle("is-paused", isPaused);
    this.part("pauses").lastElementChild.textContent = isPaused ? "Resume" : "Pause";
    for (const name of ["rate", "left"]) this.part(name).textContent = "";
  }

  start() {
    this.say("Being sent");
    this.upload.start();
  }
  pause() {
    this.upload.abort();
    this.say("Paused. It goes on where it stopped.", { isPaused: true });
  }

  async remove() {
    await this.upload.abort(Boolean(this.upload.url)).catch(() => {});
    this.ended();
  }

  retries(error) {
    const status = error.originalResponse?.getStatus() ?? 500;
    const isWorth = status === 409 || status >= 500;
    if (isWorth) this.say("The connection is lost; trying again", { isLost: true });
    return isWorth;
  }

  fail(error) {
    const said = error.originalResponse?.getHeader("Content-Type")?.startsWith("text/plain") ? error.originalResponse.getBody() : "";
    const isGone = error.originalResponse?.getStatus() === 404;
    if (isGone || (said && !this.upload.url)) this.ended(said || "The file is no longer there. Choose it again.");
    else this.say(said || "The portal does not answer as it should. What was sent is kept.", { isPaused: true, isLost: !said });
  }

  show(sent, total) {
    if (this.isLost) this.say("Being sent");
    const unit = unitOf(total);
    const [rate, left] = this.rate.tell(sent, total);
    const told = { percent: `${Math.floor((100 * sent) / total)} %`, rate, left };
    told.amount = `${figure(sent, unit)} of ${figure(total, unit)} ${unit}`;
    for (const [name, words] of Object.entries(told)) this.part(name).textContent = words;
    this.card.querySelector("progress").value = (100 * sent) / total;
  }
}
