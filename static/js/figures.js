/** Sizes, rates and durations, written as the portal's pages write them. */

const RATE_OVER = 5000;

export const unitOf = (bytes) => (bytes >= 1e9 ? "GB" : "MB");

export function figure(bytes, unit) {
  const amount = bytes ? Math.max(bytes / (unit === "GB" ? 1e9 : 1e6), 0.01) : 0;
  return amount.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function duration(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** How fast it goes, by the last five seconds. */
export class Rate {
  seen = [];

  /** In words, and how long the rest will take; empty while that cannot be told. */
  tell(sent, total) {
    const now = Date.now();
    this.seen = [...this.seen.filter(([at]) => now - at < RATE_OVER), [now, sent]];
    const [[since, before]] = this.seen;
    const rate = now - since > 500 ? ((sent - before) * 1000) / (now - since) : 0;
    return rate > 0 ? [`${figure(rate, "MB")} MB/s`, `about ${duration((total - sent) / rate)} left`] : ["", ""];
  }
}
