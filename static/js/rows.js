// The rows of the chat list: bring them up to date with the server's, each as the element that it is.
import * as archive from "./archive.js";
import { Asking } from "./asking.js";
import { get, move, parse } from "./fragments.js";
import { openChat } from "./page.js";

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

/** What a row's place comes from: pinned ones stand first, the one pinned last on top. */
const rank = (row) => (row.dataset.pinned ? `b${row.dataset.pinned}` : `a${activity(row)}`);

export const isUnread = (row) => row.dataset.unread !== "0" || "marked" in row.dataset;

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
  const page = await parse(html);
  const fresh = [...page.querySelectorAll("#chats > .row")];
  archive.update(page.querySelector("#archive"));
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
  const after = rows().find((other) => other !== row && rank(other) <= rank(row));
  move(list(), row, after ?? null);
}

/** Whether the list, as it is filtered, shows such a row. */
function belongs(row) {
  const { filter, query } = list().closest("chat-list").dataset;
  if (query || leaves(row)) return false;
  return filter === "groups" ? row.dataset.kind === "group" : filter !== "unread" || isUnread(row);
}

/** Whether a row that was shown was put somewhere else by its person. What was read stays in its list for now. */
function leaves(row) {
  const { filter, query } = list().closest("chat-list").dataset;
  if (query) return false;
  return "archived" in row.dataset !== (filter === "archived") || (filter === "favourites" && !("favourite" in row.dataset));
}

/** The chat is not in anybody's list any more: its row goes, and so does who is in it. */
function drop(chat) {
  find(chat)?.remove();
  archive.note(chat, null);
  if (openChat() === String(chat)) document.querySelector("#conversation .back")?.click();
  tell();
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
  if (response?.status === 404) drop(chat);
  if (!response?.ok || !list()) return;
  const fresh = (await parse(await response.text())).querySelector(".row");
  const row = find(chat);
  if (isStale(chat)) return refresh(chat);
  archive.note(chat, fresh);
  if (row && leaves(fresh)) row.remove();
  else if (row) update(row, fresh);
  else if (belongs(fresh)) list().append(fresh);
  if (find(chat)) place(find(chat));
  tell();
}
