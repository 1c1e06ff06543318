// The line above the chats that leads to the archived ones: which they are, and how many have something unread, and whether I was named.

const line = () => document.getElementById("archive");
const ids = (name) => new Set(line()?.dataset[name].split(" ").filter(Boolean));

const has = (name, chat) => ids(name).has(String(chat));

/** Whether an archived chat is known to have something unread. */
export const waits = (chat) => has("waiting", chat);

/** Whether a chat is archived, and not yet known to have a message that names me. */
export const mayLearnOfMention = (chat) => has("chats", chat) && !has("mentioned", chat);

function set(name, chat, isIn) {
  const all = ids(name);
  all[isIn ? "add" : "delete"](String(chat));
  line().dataset[name] = [...all].join(" ");
}

function show() {
  line().hidden = !ids("chats").size;
  line().querySelector(".badge").textContent = ids("waiting").size || "";
  line().querySelector(".archive__mention").hidden = !ids("mentioned").size;
}

/** Take in what the server says of one chat: its row, or null where there is none. */
export function note(chat, row) {
  if (!line()) return;
  const isIn = Boolean(row) && "archived" in row.dataset;
  set("chats", chat, isIn);
  set("waiting", chat, isIn && (row.dataset.unread !== "0" || "marked" in row.dataset));
  set("mentioned", chat, isIn && "mentioned" in row.dataset);
  show();
}

/** Show what the line of a fresh page shows. */
export function update(fresh) {
  if (!line() || !fresh) return;
  Object.assign(line().dataset, fresh.dataset);
  show();
}
