// Going from place to place: what is marked on the rail, where the focus goes, and what Back does.
import * as drawer from "./drawer.js";
import { base, onPane, openChat } from "./page.js";

const pane = document.getElementById("pane");
const sheet = document.getElementById("sheet");
const narrow = matchMedia("(width < 900px)");
const START = `${base}/`;
const SECTIONS = { users: "people", groups: "groups", you: "you", devices: "you", password: "you", invites: "you" };
let chat = openChat();

function markSection() {
  const first = location.pathname.slice(START.length).split("/")[0];
  const section = openChat() ? "chats" : (SECTIONS[first] ?? "chats");
  for (const link of document.querySelectorAll(".rail__link")) {
    if (link.dataset.section === section) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** The focus goes along: to the pane, or back to the row of the chat that was left. */
function follow() {
  const before = chat;
  chat = openChat();
  markSection();
  const { activeElement: active } = document;
  if (pane.contains(active) && active !== pane) return;
  if (active.matches("input, textarea") || active.closest("dialog, .drawer")) return;
  const row = document.querySelector(`#chat-${before} .row__link`);
  const wrong = pane.querySelector("[aria-invalid=true]");
  if (wrong) wrong.focus();
  else if (location.pathname === START && narrow.matches && row) row.focus();
  else pane.focus({ preventScroll: true });
}

/** Back closes what lies on top first. */
function closeTop() {
  const top = document.querySelector(narrow.matches ? "selection-bar, chat-search:not([hidden])" : "selection-bar");
  if (sheet.open) sheet.close();
  else if (drawer.isOpen() && narrow.matches) drawer.close();
  else if (top) top.close();
  else return false;
  return true;
}

/** Whether the page before this one is the list. */
function cameFromList() {
  const entry = window.navigation?.entries()[navigation.currentEntry.index - 1];
  return entry && new URL(entry.url).pathname === START;
}

if (document.querySelector(".shell")) {
  onPane(follow);
  window.navigation?.addEventListener("navigate", (event) => {
    if (event.navigationType !== "traverse" || !event.cancelable || !closeTop()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#pane a.back");
    if (!link || new URL(link.href).pathname !== START || !cameFromList()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    history.back();
  }, { capture: true });
  // A chat that was opened by its address has the list behind it, as on every phone.
  const isFirst = (window.navigation?.entries() ?? history).length === 1;
  if (narrow.matches && isFirst && location.pathname !== START) {
    const { href } = location;
    history.replaceState({ htmx: true }, "", START);
    history.pushState({ htmx: true }, "", href);
  }
}
