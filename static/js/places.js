// Where each chat was left, for as long as the tab lives; and where a chat opens.
import { firstSeen, isAtBottom, show } from "./anchor.js";
import { me } from "./page.js";

const THIRD = 1 / 3;
const FLASH = 2000;
const key = (chat) => `parley:place:${me}:${chat}`;
const resumed = new Map();

/** The place in a list as a message and how far below the top it stands; null at the bottom. */
export function of(list, scroller) {
  if ("newest" in list.dataset && isAtBottom(scroller)) return null;
  const item = firstSeen(scroller);
  if (!item?.dataset.seq) return null;
  const top = item.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  return { seq: Number(item.dataset.seq), top };
}

export function remember(list, scroller) {
  const place = of(list, scroller);
  if (place) sessionStorage.setItem(key(list.dataset.chat), JSON.stringify(place));
  else sessionStorage.removeItem(key(list.dataset.chat));
}

/** Say where a chat that is about to be loaded again shall stand; null is the bottom. */
export const resume = (chat, place) => resumed.set(String(chat), place);

const bySeq = (list, seq) => list.querySelector(`:scope > .message[data-seq="${seq}"]`);

function flash(item) {
  item.dataset.flash = "";
  setTimeout(() => delete item.dataset.flash, FLASH);
}

function centre(scroller, item) {
  const share = item.getBoundingClientRect().height / scroller.clientHeight;
  show(scroller, item, Math.max(0, (1 - share) / 2));
  flash(item);
}

/** Go to a message. Answers whether the list holds it. */
export function jump(list, scroller, seq) {
  const item = bySeq(list, seq);
  if (item) centre(scroller, item);
  return Boolean(item);
}

function restore(list, scroller, { seq, top }) {
  const item = bySeq(list, seq);
  if (item) show(scroller, item, top / scroller.clientHeight);
  return Boolean(item);
}

/** Bring a list that was just put into the page to where it is to be read. Answers the place where it was left if the list does not hold that, else null. */
export function open(list, scroller) {
  const { chat, focus } = list.dataset;
  const named = location.hash.startsWith("#message-") && list.querySelector(`:scope > [id="${location.hash.slice(1)}"]`);
  if (named) history.replaceState(history.state, "", location.pathname + location.search); // once is enough
  const target = (focus && bySeq(list, focus)) || named;
  const divider = list.querySelector(":scope > .divider");
  const left = sessionStorage.getItem(key(chat));
  if (resumed.has(chat)) {
    const place = resumed.get(chat);
    resumed.delete(chat);
    if (place) restore(list, scroller, place);
  } else if (target) centre(scroller, target);
  else if (divider) show(scroller, divider, THIRD);
  else if (left && !restore(list, scroller, JSON.parse(left))) return JSON.parse(left);
  return null;
}
