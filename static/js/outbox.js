// Messages on their way: in order for each chat, kept over reloads, sent again under the same id until the server has them.
import { send } from "./live.js";
import { base, me } from "./page.js";
import { post } from "./post.js";

const KEY = `parley:outbox:${me}`;
const AGAIN = 3000;
const TRIES = 4;
const LATEST = 20_000;
const ECHO = 2500; // until what went by the socket must have come back
const LONG = 16_000; // characters; of more the server might not take the frame

const waiting = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
const busy = new Set();
let network = new AbortController();
let isEchoing = true; // what goes by the socket comes back

const keep = () => sessionStorage.setItem(KEY, JSON.stringify(waiting));
const tell = (type, message) => document.dispatchEvent(new CustomEvent(`parley:${type}`, { detail: message }));

/** What is not sent yet in a chat, oldest first. */
export const of = (chat) => waiting.filter((message) => message.chat === chat);

const find = (id) => waiting.find((message) => message.id === id);

export function add(message) {
  waiting.push({ ...message, at: new Date().toISOString(), state: "pending", tries: 0 });
  keep();
  tell("outgoing", waiting.at(-1));
  flush(message.chat);
}

export function retry(id) {
  const message = find(id);
  Object.assign(message, { state: "pending", reason: "", tries: 0 });
  keep();
  tell("waiting", message);
  flush(message.chat);
}

function remove(message) {
  waiting.splice(waiting.indexOf(message), 1);
  keep();
}

/** A message with this id was heard: should it be one of mine, the server has it, whatever its answer says. */
export function arrived(id) {
  const message = find(id);
  if (!message) return;
  remove(message);
  tell("sent", message);
}

export function discard(id) {
  const message = find(id);
  remove(message);
  tell("discarded", message);
}

/** What was refused says why, and which of its fields was wrong. */
function fail(message, refusal) {
  Object.assign(message, { state: "failed", ...refusal });
  keep();
  tell("waiting", message);
}

/** Send what waits in a chat, one after the other. */
async function flush(chat) {
  if (busy.has(chat)) return;
  busy.add(chat);
  let pause = 0;
  for (let message; !pause && (message = of(chat).find(({ state }) => state === "pending")); ) {
    pause = await deliver(message);
  }
  busy.delete(chat);
  if (pause) setTimeout(flush, pause, chat);
}

/** Whether the page will show this message when it is heard. */
const isShown = ({ chat }) => Boolean(document.querySelector(`message-list[data-chat="${chat}"]`)?.hasNewest);

/**
 * Send a message by the socket, which takes the server half the time of a request, and wait until it is heard like
 * everybody’s. What is refused, lost or too late is for a request, whose answer says what is wrong: the server has
 * nothing twice.
 */
async function say(message) {
  const { chat, id, body, seen, fields } = message;
  if (!isEchoing || body.length > LONG || !isShown(message)) return;
  if (!send({ type: "message.send", chat: Number(chat), id, body, seen, ...fields })) return;
  const life = new AbortController();
  const late = setTimeout(() => life.abort((isEchoing = false)), ECHO);
  await new Promise((heard) => {
    const on = (type, isMine) => document.addEventListener(`parley:${type}`, ({ detail }) => isMine(detail) && heard(), life);
    on("sent", (sent) => sent.id === id);
    on("refused", (refused) => refused.id === id);
    on("closed", () => true);
    life.signal.addEventListener("abort", heard);
  });
  clearTimeout(late);
  life.abort();
}

/** Send one message; answers how long to wait before the next try, 0 when there is nothing to try again. */
async function deliver(message) {
  await say(message);
  if (!find(message.id)) return 0;
  const { chat, id, body, seen, fields } = message;
  const { signal } = network;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LATEST)]);
  const response = await post(`/chats/${chat}/messages`, { id, body, seen, ...fields }, { signal: limit });
  if (!find(id)) return 0;
  if (!response) return signal.aborted ? 1 : AGAIN;
  if (response.status === 429) return 1000 * (Number(response.headers.get("Retry-After")) || 1);
  if (response.status === 401) {
    removeEventListener("beforeunload", warn);
    location.assign(`${base}/login`);
    return LATEST;
  }
  if (response.status >= 500 && ++message.tries < TRIES) return AGAIN;
  const answer = await (response.ok ? response.text() : refusal(response)).catch(() => null);
  if (answer === null) return AGAIN;
  if (!find(id)) return 0;
  if (!response.ok) fail(message, answer);
  else {
    remove(message);
    tell("sent", { ...message, html: answer });
  }
  return 0;
}

/** The server's reason for a refusal. */
async function refusal(response) {
  const { detail, errors = {} } = await response.json().catch(() => ({}));
  const [wrong, reason] = Object.entries(errors)[0] ?? ["", detail ?? ""];
  return { wrong, reason };
}

/** Send everything; what hangs in a connection that is gone is sent again. */
function flushAll() {
  network.abort();
  network = new AbortController();
  for (const chat of new Set(waiting.map((message) => message.chat))) flush(chat);
}

function warn(event) {
  if (waiting.length) event.preventDefault();
}

addEventListener("beforeunload", warn);
document.addEventListener("parley:limited", ({ detail }) => (isEchoing = !detail.on));
document.addEventListener("parley:open", () => {
  isEchoing = true;
  flushAll();
});
flushAll();
