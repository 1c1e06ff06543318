// The bar above the page: we wait for the network, or live updates are limited. One at a time, and none for a moment's trouble.
import { hold } from "./anchor.js";
import { isOpen } from "./live.js";

const PATIENCE = { offline: 4000, limited: 1000 };

let isLimited = false;
let due = null;
let waiting = null;

/** Only what stands above the conversation moves. */
function show(name) {
  const scroller = document.querySelector(".messages__scroll");
  const release = scroller && hold(scroller);
  for (const bar of document.querySelectorAll(".bar")) bar.hidden = bar.dataset.bar !== name;
  release?.();
}

function look() {
  const name = !isOpen() || !navigator.onLine ? "offline" : isLimited ? "limited" : null;
  if (name !== due) {
    due = name;
    clearTimeout(waiting);
    show(null);
    if (name) waiting = setTimeout(show, PATIENCE[name], name);
  }
  if (!navigator.onLine) show("offline");
}

function on(type, then) {
  document.addEventListener(`parley:${type}`, ({ detail }) => {
    isLimited = then(detail);
    look();
  });
}

if (document.querySelector(".bar")) {
  on("open", () => false);
  on("closed", () => false);
  on("limited", (signal) => signal.on);
  addEventListener("offline", look);
  look();
}
