// The socket: kept open, and heard as events `parley:<type>`. The only file that knows htmx's names for it.
const SILENCE = 60_000; // the server says something every 25 s
const PATIENCE = 4_000;
const SESSION_OVER = 4401;

const live = document.getElementById("live");

let ready = false;
let heard = Date.now();
let waiting = null;

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
  htmx.trigger(live, "connect", {}, false);
}

/** Drop the socket, which may be dead without knowing, and open another. */
function reconnect() {
  heard = Date.now();
  htmx.process(live, true);
  connect();
}

function opened() {
  ready = true;
  show();
  tell("open");
}

function closed(code) {
  const was = ready;
  ready = false;
  show();
  if (code === SESSION_OVER) location.assign(`${live.dataset.base}/login`);
  if (was) tell("closed", { code });
}

/** The bar that says we wait for the network. */
function show() {
  const bar = document.querySelector(".offline");
  if (ready && navigator.onLine) {
    clearTimeout(waiting);
    waiting = null;
    if (bar) bar.hidden = true;
  } else if (!navigator.onLine && bar) bar.hidden = false;
  else waiting ??= setTimeout(() => bar && (bar.hidden = false), PATIENCE);
}

function watch() {
  if (!document.hidden && Date.now() - heard > SILENCE) reconnect();
}

function listen() {
  live.addEventListener("htmx:ws:before:message:incoming", (event) => {
    heard = Date.now();
    const { data } = event.detail.message;
    if (data.startsWith("<")) return; // HTML is for htmx to swap
    event.preventDefault();
    const signal = JSON.parse(data);
    if (signal.type === "ready") opened();
    else tell(signal.type, signal);
  });
  live.addEventListener("htmx:ws:close", ({ detail }) => closed(detail.code));
  addEventListener("online", reconnect);
  addEventListener("offline", show);
  addEventListener("pageshow", ({ persisted }) => persisted && reconnect());
  document.addEventListener("visibilitychange", watch);
  setInterval(watch, 1000);
}

if (live) {
  listen();
  show();
  // htmx looks at the page as soon as it can, perhaps before hx-ws.js was there to take part.
  htmx.process(live);
  connect();
}
