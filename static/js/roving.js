// The messages as one stop of the Tab key, with arrow keys inside; Enter opens a message's actions.
const INNER = "a, input, .bubble button, .reactions button";

const current = (list) => list.querySelector(':scope > .message[tabindex="0"]');
const last = (list) => [...list.querySelectorAll(":scope > .message")].at(-1);

function reach(item, tabIndex) {
  for (const inner of item.querySelectorAll(INNER)) inner.tabIndex = tabIndex;
}

/** Take in new messages: what is inside them is reached from them alone. */
export function settle(list, items) {
  for (const item of items) if (item.tabIndex < 0) reach(item, -1);
  if (!current(list)) choose(list, last(list));
}

function choose(list, item) {
  const before = current(list);
  if (!item || before === item) return;
  if (before) {
    before.removeAttribute("tabindex");
    reach(before, -1);
  }
  item.tabIndex = 0;
  reach(item, 0);
}

function go(list, item) {
  if (!item) return;
  choose(list, item);
  item.focus();
}

function step(item, to) {
  do item = item?.[`${to}ElementSibling`];
  while (item && !item.matches(".message"));
  return item;
}

const KEYS = {
  ArrowUp: (list, item) => go(list, step(item, "previous")),
  ArrowDown: (list, item) => go(list, step(item, "next")),
  Home: (list) => go(list, list.querySelector(":scope > .message")),
  End: (list) => go(list, last(list)),
  r: (_, item) => item.dispatchEvent(new CustomEvent("parley:reply", { bubbles: true })),
  Enter: (_, item) => item.querySelector(".bubble__menu")?.click(),
};

export function listen(list, signal) {
  list.addEventListener("keydown", (event) => {
    const item = event.target;
    if (!item.matches(".message") || !KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key](list, item);
  }, { signal });
  list.addEventListener("focusin", ({ target }) => choose(list, target.closest(".message")), { signal });
}
