// The socket: kept open, and heard as events `parley:<type>`. The only file that knows htmx's names for it.
import { beforePicture } from "./pictures.js";

const SILENCE = 55_000 + 5000 * Math.random(); // the server says something every 25 s
const FRESH = 1000;
const SESSION_OVER = 4401;
const BUSY = 1013;
const FEW = 32_768; // characters of HTML that a picture always has time for
const STANDING = /hx-swap="(?!place|renew|promote)/; // htmx looks for what these change before it begins: not in one with what makes it
const LATER = { reconnectDelay: 4000, reconnectJitter: 0.5 };

const live = document.getElementById("live");

let ready = false;
let isOver = false;
let failures = 0;
let heard = Date.now();
let begun = 0;
const waiting = [];
let due = null;

const tell = (type, detail = {}) =>
  document.dispatchEvent(new CustomEvent(`parley:${type}`, { detail }));

const socket = () => live?._htmx?.ws?.connection?.socket;

/** Whether what happens in the chats is heard. */
export function isOpen() {
  return ready;
}

/** Say something that may be lost; answers whether it left. */
export function send(frame) {
  if (!ready || socket()?.readyState !== WebSocket.OPEN) return false;
  socket().send(JSON.stringify(frame));
  return true;
}

function connect() {
  begun = Date.now();
  htmx.trigger(live, "connect", {}, false);
}

/** Whether a socket is on its way that cannot be dead yet. */
const isFresh = () => !ready && Date.now() - begun < FRESH && socket()?.readyState <= WebSocket.OPEN;

/** Drop the socket, which may be dead without knowing, and open another. */
function reconnect() {
  if (isOver || isFresh()) return;
  heard = Date.now();
  htmx.process(live, true);
  connect();
}

function opened() {
  ready = true;
  failures = 0;
  tell("open");
}

/** After this event htmx sets the time to come back: at random within 0 to 2 × delay, which doubles from try to try. */
function pace({ code, connection }) {
  heard = Date.now(); // as long as htmx tries, nobody else needs to
  connection.attempt = failures++; // htmx counts from the last handshake: too lenient when it is followed by a refusal
  Object.assign(connection.config, htmx.config.ws, code === BUSY && LATER);
}

function closed(detail) {
  const { code, reason } = detail;
  const was = ready;
  ready = false;
  if (reason === "closed") pace(detail);
  if (was) tell("closed", { code });
  if (code !== SESSION_OVER) return;
  isOver = true;
  location.assign(`${live.dataset.base}/login`);
}

const isSignal = (data) => !data.startsWith("<");

/** Signals are heard as they come. HTML waits for the next picture, where it goes in together, and what comes behind it waits, too. */
function incoming(data) {
  heard = Date.now();
  if (!waiting.length && isSignal(data)) return hear(data);
  waiting.push(data);
  due ??= beforePicture(show);
}

function hear(data) {
  const signal = JSON.parse(data);
  if (signal.type === "ready") opened();
  else tell(signal.type, signal);
}

/** Show what waits, or as much as keeps pictures coming without falling behind. */
async function show() {
  const all = waiting.reduce((sum, { length }) => sum + length, 0);
  try {
    for (let left = Math.max(FEW, all / 2); left > 0 && waiting.length; ) {
      let html = "";
      while (html.length < left && waiting.length && !isSignal(waiting[0]) && !(html && STANDING.test(waiting[0]))) {
        html += waiting.shift();
      }
      left -= html.length;
      if (html) await htmx.swap({ text: html, target: live, swap: "none", sourceElement: live, transition: false });
      else hear(waiting.shift());
    }
  } finally {
    due = waiting.length ? beforePicture(show) : null;
  }
}

function watch() {
  if (!document.hidden && Date.now() - heard > SILENCE) reconnect();
}

function listen() {
  live.addEventListener("htmx:ws:before:message:incoming", (event) => {
    event.preventDefault();
    incoming(event.detail.message.data);
  });
  live.addEventListener("htmx:ws:close", ({ detail }) => closed(detail));
  addEventListener("online", () => {
    failures = 0; // of another network
    reconnect();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && reconnect());
  document.addEventListener("visibilitychange", watch);
  setInterval(watch, 1000);
}

if (live) {
  listen();
  // htmx looks at the page as soon as it can, perhaps before hx-ws.js was there to take part.
  htmx.process(live);
  connect();
}
