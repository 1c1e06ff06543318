// Reacting by pointer: a button beside the bubble, the quick row, and from both the panel with all emoji.
import { showBeside } from "./beside.js";
import { make } from "./elements.js";
import { openPanel } from "./emoji-panel.js";
import { base, me, onPane } from "./page.js";
import { toolbar } from "./toolbar.js";

const LIVING = ".message[data-seq]:not([data-deleted], [data-kind=note], [data-state])";
const piece = (id) => document.getElementById(id).content.cloneNode(true);

const bar = make("div", { class: "quick quick--bar", role: "dialog", "aria-label": "React", hidden: "" });
let stop = null;
let before = null;
let item = null;

/** Tell the server; its answer is the bubble. `how` is "toggle" where the same again takes it back. */
function react(message, how, emoji) {
  const { chat } = message.closest(".messages__list").dataset;
  htmx.ajax("POST", `${base}/chats/${chat}/messages/${message.dataset.seq}/react`, {
    source: "#live", target: message.parentNode, swap: "renew", values: { [how]: emoji },
  });
}

/** The focus goes back to where it was, be it a bubble that was made anew. */
function goBack(from, message) {
  const place = from?.isConnected ? from : document.getElementById(message.id)?.querySelector(".bubble__menu");
  (place ?? document.querySelector(".composer__field"))?.focus({ preventScroll: true });
}

function openAll(anchor, message, from) {
  openPanel(anchor, {
    choose(emoji) {
      const shown = document.getElementById(message.id);
      if (shown) react(shown, "emoji", emoji);
      return true;
    },
    closed: (hadFocus) => hadFocus && goBack(from, message),
  });
}

function close() {
  const hadFocus = bar.contains(document.activeElement);
  stop?.();
  stop = null;
  if (hadFocus) goBack(before, item);
}

/** The usual ones, mine marked. */
function openBar(anchor) {
  const isOpen = stop && item.contains(anchor);
  close();
  if (isOpen) return;
  item = anchor.closest(".message");
  before = document.activeElement;
  if (!bar.isConnected) document.body.append(bar);
  bar.replaceChildren(piece("quick-reactions"));
  const mine = item.querySelector(`.reaction[data-users~="${me}"]`)?.value;
  for (const button of bar.querySelectorAll(".quick__emoji")) button.ariaPressed = String(button.value === mine);
  stop = showBeside(bar, anchor, close);
  for (const button of bar.children) button.tabIndex = -1;
  bar.firstElementChild.tabIndex = 0;
  bar.firstElementChild.focus({ preventScroll: true });
}

bar.addEventListener("click", ({ target }) => {
  const button = target.closest("button");
  const shown = item && document.getElementById(item.id);
  if (!button || !shown) return;
  const anchor = shown.querySelector(".bubble__react") ?? shown.querySelector(".bubble");
  const from = before;
  close();
  if (button.matches(".quick__more")) openAll(anchor, item, from);
  else react(shown, "toggle", button.value);
});
bar.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  close();
});
toolbar(bar, null);

// The button is there for a mouse alone; fingers and keys have the menu. What is scrolled past beneath it gets none.
document.addEventListener("pointermove", ({ target, pointerType }) => {
  const bubble = pointerType === "mouse" && target.closest?.(`${LIVING} .bubble`);
  if (bubble && !bubble.querySelector(".bubble__react")) bubble.append(piece("react-button"));
});

// The focus stays where it was, as a rule in the composer.
document.addEventListener("pointerdown", (event) => event.target.closest(".bubble__react") && event.preventDefault());

document.addEventListener("click", (event) => {
  const button = event.target.closest(".bubble__react");
  if (button) openBar(button);
  const more = event.target.closest("[data-react]");
  const message = more && document.getElementById(`message-${more.dataset.react}`);
  if (!message) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  more.closest("dialog")?.close();
  openAll(message.querySelector(".bubble"), message, document.activeElement);
}, { capture: true });

onPane(close);
