// The rows of the chat list: bring them up to date with the server's, each as the element that it is.
import { get, move, parse } from "./fragments.js";

export const list = () => document.getElementById("chats");
export const rows = () => [...(list()?.querySelectorAll(":scope > .row") ?? [])];
export const find = (chat) => list()?.querySelector(`:scope > #chat-${chat}`) ?? null;
export const moving = (row) => row.querySelector(".row__moving");
export const seq = (row) => Number(moving(row)?.dataset.seq ?? 0);

/** When something last happened in a chat; one without messages was just opened, and so comes first. */
const activity = (row) => moving(row)?.dataset.at ?? "9999";

/** Tell whoever keeps something in rows that these may be new. */
function tell(changed) {
  document.dispatchEvent(new CustomEvent("parley:rows", { detail: { rows: changed } }));
}

/** Show what `fresh` shows in `row`; its link stays, with focus and open mark, and so does who is typing. */
function update(row, fresh) {
  for (const { name } of [...row.attributes]) if (!fresh.hasAttribute(name)) row.removeAttribute(name);
  for (const { name, value } of fresh.attributes) row.setAttribute(name, value);
  const link = row.querySelector(".row__link");
  const other = fresh.querySelector(".row__link");
  other.querySelector(".row__typing")?.replaceWith(link.querySelector(".row__typing") ?? "");
  link.replaceChildren(...other.childNodes);
}

/** Put the server's whole list in. A row that heard of something newer meanwhile keeps it; the ids of those are returned. */
export async function merge(html) {
  const fresh = [...(await parse(html)).querySelectorAll("#chats > .row")];
  const parent = list();
  const newer = [];
  const kept = fresh.map((each) => {
    const row = find(each.dataset.chat);
    if (!row) return each;
    if (seq(row) > seq(each)) newer.push(row);
    else update(row, each);
    return row;
  });
  for (const row of rows()) if (!kept.includes(row)) row.remove();
  let next = null;
  for (const row of kept.reverse()) {
    move(parent, row, next);
    next = row;
  }
  for (const row of newer) place(row);
  tell(kept);
  return newer.map((row) => row.dataset.chat);
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

/** Ask the server for one chat's row, and put it in its place. */
export async function refresh(chat) {
  const response = await get(`/chats/${chat}/row`);
  if (!response?.ok || !list()) return;
  const fresh = (await parse(await response.text())).querySelector(".row");
  const row = find(chat);
  if (!row && !belongs(fresh)) return;
  if (row && seq(row) <= seq(fresh)) update(row, fresh);
  else if (!row) {
    list().append(fresh);
    place(fresh);
  }
  tell([row ?? fresh]);
}
