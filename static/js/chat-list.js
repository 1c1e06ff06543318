// <chat-list>: the rows follow what happens, from the moment the page was made, without jumping or losing focus.
import * as archive from "./archive.js";
import * as muted from "./muted.js";
import { isWatched, me, onPane, openChat } from "./page.js";
import { find, hear, missed, moving, refresh, reload, rows, seq } from "./rows.js";

const SOON = 3000;
// The newest line of a chat that is no news, so that the message after it is not taken for one after a gap.
const noted = new Map();
const latest = (chat, shown) => Math.max(shown, noted.get(chat) ?? 0);

/** Which ticks the preview of a message of mine shows. */
function tick(row) {
  const { delivered, read } = row.dataset;
  row.dataset.tick = seq(row) <= Number(read) ? "read" : seq(row) <= Number(delivered) ? "delivered" : "sent";
}

function markOpen() {
  const open = openChat();
  for (const row of rows()) {
    const link = row.querySelector(".row__link");
    if (row.dataset.chat === open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Whether the reader looks at the newest messages of a chat, so that they are read as they come. */
function isRead(chat) {
  return Boolean(document.querySelector(`message-list[data-chat="${chat}"]`)?.isFollowing) && isWatched();
}

function on(type, then) {
  document.addEventListener(`parley:${type}`, ({ detail }) => {
    if (detail.chat) hear(detail.chat);
    then(detail);
  });
}

/** Whether somebody else's message names me. */
function isMeant({ mentions, sender, counts }) {
  return counts && sender !== me && (mentions.includes(String(me)) || mentions.includes("all"));
}

on("moved", ({ chat, before, ...message }) => {
  const row = find(chat);
  if (!row && isMeant(message) && archive.mayLearnOfMention(chat)) refresh(chat);
  if (!row) return;
  tick(row);
  const badge = row.querySelector("unread-badge");
  if (message.seq <= before) return;
  if (message.seq > latest(chat, before) + 1) refresh(chat);
  else if (!isRead(chat)) {
    badge.arrived(message);
    if (isMeant(message)) row.dataset.mentioned = "";
    if (message.quote === me && message.sender !== me) row.dataset.replied = "";
    if (message.quote === 0 && row.dataset.muted) refresh(chat); // whose words it answers is not for everybody
  }
  else setTimeout(() => Number(find(chat)?.dataset.readSeq) < message.seq && refresh(chat), SOON);
});

// A line that is no news: rows that show a message go on showing it.
on("chat.noted", ({ chat, seq: at }) => {
  const row = find(chat);
  if (row && at === latest(chat, seq(row)) + 1) noted.set(chat, at);
  if (!row || !["text", "deleted"].includes(moving(row).dataset.tone)) refresh(chat);
});

on("receipt.read", ({ chat, seq: upTo }) => {
  const row = find(chat);
  if (!row && archive.waits(chat)) refresh(chat);
  if (!row || upTo <= Number(row.dataset.readSeq)) return;
  row.dataset.readSeq = upTo;
  if (upTo < seq(row)) return refresh(chat);
  row.querySelector("unread-badge").count = 0;
  delete row.dataset.mentioned;
  delete row.dataset.replied;
});

on("receipt.ticks", ({ chat, ...marks }) => {
  const row = find(chat);
  if (!row) return;
  for (const [name, [least, holder, second]] of Object.entries(marks).filter(([name]) => name in row.dataset)) {
    row.dataset[name] = Math.max(Number(row.dataset[name]), holder === me ? second : least);
  }
  tick(row);
});

on("chat.drafted", ({ chat, body }) => {
  const draft = find(chat)?.querySelector(".row__draft");
  if (draft) draft.textContent = body;
});

on("chat.deleted", ({ chat, seq: gone, sender }) => {
  if (sender !== me && gone > Number(find(chat)?.dataset.readSeq)) refresh(chat);
});

on("chat.expired", ({ chat, last }) => {
  if (last > Number(find(chat)?.dataset.readSeq)) refresh(chat);
});

on("presence", () => hear(0));
// An archived chat that waits already has nothing to show by one message more.
on("chat.row", ({ chat, isNews }) => !(isNews && archive.waits(chat)) && refresh(chat));
on("chat.joined", ({ chat }) => refresh(chat));
on("chat.left", ({ chat }) => {
  find(chat)?.setAttribute("data-left", "");
  refresh(chat);
});

on("open", reload);
on("missed", missed);
on("rows", () => {
  rows().forEach(tick);
  muted.settle();
  markOpen();
});

class ChatList extends HTMLElement {
  connectedCallback() {
    muted.settle();
    markOpen();
  }
}

customElements.define("chat-list", ChatList);
onPane(markOpen);
