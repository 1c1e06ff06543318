// Keys that work everywhere; those without a modifier only where nobody is typing.
import * as drawer from "./drawer.js";
import { onPane } from "./page.js";
import { isUnread as waits, rows } from "./rows.js";

const help = document.getElementById("help");
const search = () => document.querySelector(".inbox .search input");
const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");
let wanted = false;

/** To the search field; on a narrow screen it is behind the chat. */
function find() {
  search()?.focus();
  search()?.select();
  wanted = document.activeElement !== search();
  if (wanted) document.querySelector("#pane .back")?.click();
}

/** The chat `step` rows further, or the next one with something unread. */
function walk(step, isUnread) {
  const all = rows();
  const from = all.findIndex((row) => row.querySelector("[aria-current]"));
  const onward = step > 0 ? all.slice(from + 1) : all.slice(0, Math.max(from, 0)).reverse();
  const row = onward.find((each) => !isUnread || waits(each));
  row?.querySelector(".row__link").click();
  row?.scrollIntoView({ block: "nearest" });
}

/** What Esc ends: the drawer, then a search. (Dialogs close by themselves; the composer has its own.) */
function leave({ target }) {
  if (drawer.isOpen()) return drawer.close();
  if (target !== search()) return;
  if (target.value) {
    target.value = "";
    target.dispatchEvent(new Event("input", { bubbles: true }));
  } else (document.querySelector(".composer__field") ?? document.getElementById("pane")).focus();
}

function shortcut(event) {
  const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (ctrlKey || metaKey) return null;
  if (altKey && key === "ArrowDown") return () => walk(1, shiftKey);
  if (altKey && key === "ArrowUp") return () => walk(-1, shiftKey);
  if (key === "Escape") return () => leave(event);
  if (altKey || isTyping(event.target)) return null;
  return { "/": find, "?": () => help?.showModal() }[key] ?? null;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const act = shortcut(event);
  if (!act) return;
  event.preventDefault();
  act();
});

onPane(() => {
  if (wanted) search()?.focus();
  wanted = false;
});
