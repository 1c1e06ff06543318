// What every script may ask of the page: who reads it, where it lives, which chat is open.

const live = document.getElementById("live");

export const me = Number(live?.dataset.user);
export const base = live?.dataset.base ?? "";

/** The id of the chat that the address names, or null. */
export function openChat() {
  return location.pathname.slice(base.length).match(/^\/(?:chats|groups)\/(\d+)/)?.[1] ?? null;
}

/** Whether somebody looks at the page. */
export function isWatched() {
  return document.visibilityState === "visible" && document.hasFocus();
}

/** Call `then` whenever the middle column shows something else. */
export function onPane(then) {
  const pane = document.getElementById("pane");
  if (pane) new MutationObserver(then).observe(pane, { childList: true });
}
