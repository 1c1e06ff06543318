// What this device says about having got and read messages: all chats in one frame, at most once a second.
import { isOpen, send } from "./live.js";

const PACE = 1000;
const MOST = 400;

const said = { delivered: new Map(), read: new Map() };
const unsaid = { delivered: new Map(), read: new Map() };
let last = 0;
let timer = null;

function tell(kind, chat, seq) {
  if (!(seq > Math.max(said[kind].get(chat) ?? 0, unsaid[kind].get(chat) ?? 0))) return;
  unsaid[kind].set(chat, seq);
  timer ??= setTimeout(flush, Math.max(50, last + PACE - Date.now()));
}

/** A message reached this device. */
export const delivered = (chat, seq) => tell("delivered", Number(chat), seq);

/** A message was on the screen of somebody who looks. */
export const read = (chat, seq) => tell("read", Number(chat), seq);

function flush() {
  timer = null;
  if (!isOpen()) return;
  last = Date.now();
  for (const kind of ["delivered", "read"]) {
    const chats = [...unsaid[kind]].slice(0, MOST);
    if (!chats.length || !send({ type: `receipt.${kind}`, chats: Object.fromEntries(chats) })) continue;
    for (const [chat, seq] of chats) {
      said[kind].set(chat, seq);
      unsaid[kind].delete(chat);
    }
  }
  if (unsaid.delivered.size || unsaid.read.size) timer = setTimeout(flush, PACE);
}

/** The newest message of each chat in the list has come as far as here. */
function survey() {
  for (const row of document.querySelectorAll("#chats > .row")) {
    const seq = Number(row.querySelector(".row__moving")?.dataset.seq);
    if (seq > Number(row.dataset.readSeq)) delivered(row.dataset.chat, seq);
  }
}

document.addEventListener("parley:moved", ({ detail }) => delivered(detail.chat, detail.seq));
document.addEventListener("parley:rows", survey);
document.addEventListener("parley:open", () => {
  // A dead socket may have swallowed what was said into it.
  for (const kind of ["delivered", "read"]) {
    for (const [chat, seq] of said[kind]) unsaid[kind].set(chat, Math.max(seq, unsaid[kind].get(chat) ?? 0));
    said[kind].clear();
  }
  survey();
  timer ??= setTimeout(flush, 50);
});
