// How many chats have something unread and are neither archived nor, unless I am named or answered there, muted: in the document's title, on the rail and on the list's chip.
import { get } from "./fragments.js";
import { find, isUnread, list, rows } from "./rows.js";

const PREFIX = /^\(\d+\) /;
const SOON = 400;
let total = Number(document.querySelector("[data-unread-chats]")?.textContent) || 0;
let asking;

function entitle() {
  const bare = document.title.replace(PREFIX, "");
  const title = total ? `(${total}) ${bare}` : bare;
  if (document.title !== title) document.title = title;
}

function show(count) {
  total = count;
  for (const place of document.querySelectorAll("[data-unread-chats]")) place.textContent = total || "";
  entitle();
}

/** A filtered list does not know all chats, so the server is asked. */
function ask() {
  clearTimeout(asking);
  asking = setTimeout(async () => {
    const response = await get("/chats", { Accept: "application/json" });
    if (response?.ok) show((await response.json()).unread_chats);
  }, SOON);
}

/** Muted; who is named or answered there hears of it all the same. */
const isQuiet = (row) => row.matches("[data-muted]:not([data-mentioned], [data-replied])");

function count() {
  const shown = list()?.closest("chat-list").dataset;
  if (!shown) return;
  if (shown.filter === "all" && !shown.query) show(rows().filter((row) => isUnread(row) && !isQuiet(row)).length);
  else ask();
}

if (list()) {
  new MutationObserver(entitle).observe(document.querySelector("title"), { childList: true });
  // Badges say their number in their row; the list itself may be swapped for another one.
  new MutationObserver(count).observe(document.getElementById("inbox"), { subtree: true, attributeFilter: ["data-unread", "data-marked", "data-muted", "data-mentioned", "data-replied"] });
  for (const type of ["moved", "receipt.read"]) {
    document.addEventListener(`parley:${type}`, ({ detail }) => find(detail.chat) || count());
  }
  for (const type of ["rows", "listed"]) document.addEventListener(`parley:${type}`, count);
  count();
}
