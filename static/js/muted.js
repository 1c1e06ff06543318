// A mute ends by itself: at its time the row loses its mark, and whoever shows more of it hears so.
import { rows } from "./rows.js";

const MOST = 2 ** 31 - 1; // what a timer takes
let timer = null;

const left = (row) => Date.parse(row.dataset.muted) - Date.now();

/** Take off the marks of those that are over, and wait for the next. */
export function settle() {
  clearTimeout(timer);
  const muted = rows().filter((row) => row.dataset.muted);
  for (const row of muted.filter((each) => left(each) <= 0)) {
    delete row.dataset.muted;
    document.dispatchEvent(new CustomEvent("parley:unmuted", { detail: { chat: Number(row.dataset.chat) } }));
  }
  const next = Math.min(...rows().filter((row) => row.dataset.muted).map(left));
  if (Number.isFinite(next)) timer = setTimeout(settle, Math.min(next, MOST));
}

document.addEventListener("visibilitychange", settle);
