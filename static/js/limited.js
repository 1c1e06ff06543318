// While the server has lost touch with its other processes, not all that happens is heard: the page asks for it.
import { isOpen } from "./live.js";

const EVERY = 5000;
const UNSEEN = 30_000;
const SPREAD = 2000; // the signal reaches thousands of pages in one instant

let isLimited = false;
let timer = null;

const tell = (type) => document.dispatchEvent(new CustomEvent(`parley:${type}`, { detail: {} }));

function wait(delay, then) {
  clearTimeout(timer);
  timer = setTimeout(then, delay);
}

/** Each pause differs by up to a fifth, so that pages do not ask in step. */
const pause = () => (document.hidden ? UNSEEN : EVERY) * (0.8 + 0.4 * Math.random());

function ask() {
  tell("missed");
  wait(pause(), ask);
}

/** Everything is heard again: ask a last time, also for what is not asked for every few seconds. */
function end() {
  tell("missed");
  tell("whole");
}

function drop() {
  isLimited = false;
  clearTimeout(timer);
}

document.addEventListener("parley:limited", ({ detail }) => {
  if (!isOpen()) return; // the last words of a socket that is gone, or said again when the new one is ready
  isLimited = detail.on;
  wait(SPREAD * Math.random(), isLimited ? ask : end);
});
document.addEventListener("parley:closed", drop); // the next one asks for everything as it opens
document.addEventListener("visibilitychange", () => {
  if (isLimited && !document.hidden) ask();
});
