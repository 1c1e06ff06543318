// The rows of the chat list: bring them up to date with the server's, each as the element that it is.
import { Asking } from "./asking.js";
import { get, move, parse } from "./fragments.js";

const SOON = 50;
const heard = new Map();
const due = new Set();
// The answer that the list equals as long as nothing was heard since.
let known = {};

export const list = () => document.getElementById("chats");
export const rows = () => [...(list()?.querySelectorAll(":scope > .row") ?? [])];
export const find = (chat) => list()?.querySelector(`:scope > #chat-${chat}`) ?? null;
export const moving = (row) => row.querySelector(".row__moving");
export const seq = (row) => Number(moving(row)?.dataset.seq ?? 0);

/** When something last happened in a chat; one without messages was just opened, and so comes first. */
const activity = (row) => moving(row)?.dataset.at ?? "9999";

/** Tell whoever keeps something in rows that they may be new. */
const tell = () => document.dispatchEvent(new CustomEvent("parley:rows", { detail: {} }));

/** Show what `fresh` shows in `row`; its link stays, with focus and open mark, and so does who is typing. */
function update(row, fresh) {
  for (const { name } of [...row.attributes]) if (!fresh.hasAttribute(name)) row.removeAttribute(name);
  for (const { name, value } of fresh.attributes) row.setAttribute(name, value);
  const link = row.querySelector(".row__link");
  const other = fresh.querySelector(".row__link");
  other.querySelector(".row__typing")?.replaceWith(link.querySelector(".row__typing") ?? "");
  link.replaceChildren(...other.childNodes);
}

/** Put the server's whole list in, but leave rows alone of which more was heard since it was asked for. */
async function merge(html, isStale) {
  const fresh = [...(await parse(html)).querySelectorAll("#chats > .row")];
  const shown = rows();
  const kept = fresh.map((each) => {
    const row = find(each.dataset.chat);
    if (row && !isStale(row)) update(row, each);
    return row ?? each;
  });
  for (const row of shown) if (!kept.includes(row) && !isStale(row)) row.remove();
  let next = null;
  for (const row of kept.toReversed()) {
    move(list(), row, next);
    next = row;
  }
  for (const row of shown.filter(isStale)) place(row);
  tell();
  return shown.filter(isStale);
}

/** Put a row where its newest message belongs. */
function place(row) {
  const after = rows().find((other) => other !== row && activity(other) <= activity(row));
  move(list(), row, after ?? null);
}

/** Whether the list, as it is filtered, shows such a row. */
function belongs(row) {
  const { filter, query } = list().closest("chat-list").dataset;
  if (query) return false;
  return filter === "groups" ? row.dataset.kind === "group" : filter !== "unread" || row.dataset.unread !== "0";
}

/** What makes an answer stale: something heard about a chat while it travelled. */
function since() {
  const before = new Map(heard);
  return (chat) => heard.get(Number(chat)) !== before.get(Number(chat));
}

/** Note that there was news of a chat, so that no older answer takes it back. */
export function hear(chat) {
  heard.set(chat, (heard.get(chat) ?? 0) + 1);
  known = {};
}

const asking = new Asking(ask);

/** Ask the server for the list, filtered as it is, and bring every row up to date. */
export const reload = () => asking.anew();

/** The same, without giving up an answer that is on its way. */
export const missed = () => asking.soon();

async function ask(signal) {
  const shown = list()?.closest("chat-list");
  if (!shown) return true;
  const path = `/chats?${new URLSearchParams({ filter: shown.dataset.filter, q: shown.dataset.query })}`;
  const isStale = since();
  const response = await get(path, known.path === path ? { "If-None-Match": known.tag } : {}, signal);
  if (!response || response.status >= 500) return false;
  const html = response.ok && (await response.text().catch(() => null));
  if (!html || signal.aborted || !shown.isConnected) return html !== null;
  known = { path, tag: response.headers.get("ETag") };
  for (const row of await merge(html, (row) => isStale(row.dataset.chat))) refresh(row.dataset.chat);
  return true;
}

/** Ask the server for one chat's row, and put it in its place. News of a chat come in company: one question for all. */
export function refresh(chat) {
  if (due.has(Number(chat))) return;
  due.add(Number(chat));
  setTimeout(askRow, SOON, Number(chat));
}

async function askRow(chat) {
  due.delete(chat);
  const isStale = since();
  const response = await get(`/chats/${chat}/row`);
  if (!response?.ok || !list()) return;
  const fresh = (await parse(await response.text())).querySelector(".row");
  const row = find(chat);
  if (isStale(chat)) return refresh(chat);
  if (row) update(row, fresh);
  else if (belongs(fresh)) list().append(fresh);
  if (find(chat)) place(find(chat));
  tell();
}
