// My message while it is on its way: the server's own markup with the text put in.
import { me } from "./page.js";

const RUN = 5 * 60_000;
const EMOJI = emoji();

/** One to three emoji, or null where the browser does not know what that is. */
function emoji() {
  try {
    return new RegExp("^\\p{RGI_Emoji}{1,3}$", "v");
  } catch {
    return null;
  }
}

function emojiCount(body) {
  const text = body.replace(/\s+/g, "");
  return EMOJI?.test(text) ? [...new Intl.Segmenter().segment(text)].length : 0;
}

/** Whether a message by me goes on with what I said just before. */
function goesOn(before, at) {
  if (!before || before.dataset.kind === "note" || Number(before.dataset.sender) !== me) return false;
  const passed = new Date(at) - new Date(before.dataset.at);
  return passed < RUN && before.dataset.at.slice(0, 10) === at.slice(0, 10);
}

function bubble(list, { id, body, at }) {
  const template = document.getElementById("pending-bubble");
  const item = template.content.querySelector(".message").cloneNode(true);
  const before = [...list.querySelectorAll(":scope > .message")].at(-1);
  item.id = `message-${id}`;
  delete item.dataset.seq;
  delete item.dataset.revision;
  item.dataset.at = at;
  item.toggleAttribute("data-run", !goesOn(before, at));
  item.toggleAttribute("data-group", document.getElementById("conversation")?.dataset.kind === "group");
  if (emojiCount(body)) item.dataset.emoji = emojiCount(body);
  item.querySelector(".bubble__body").textContent = body;
  item.querySelector(".bubble__menu")?.remove();
  const time = item.querySelector("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString(undefined, { timeStyle: "short" });
  return item;
}

/** Let others put in what their part of the message looks like. */
function drawn(item, message) {
  document.dispatchEvent(new CustomEvent("parley:drawn", { detail: { ...message, item } }));
  return item;
}

function paint(item, { state, reason }) {
  item.dataset.state = state;
  item.querySelector(".failed")?.remove();
  if (state !== "failed") return;
  const actions = document.getElementById("failed-actions").content.cloneNode(true);
  if (reason) actions.querySelector("span").textContent = reason;
  item.append(actions);
}

/** Show a message of the outbox as it stands. What the server has placed already stays as it is. */
export function attach(list, message) {
  let item = document.getElementById(`message-${message.id}`);
  if (item?.dataset.seq) return;
  if (!item) list.append((item = drawn(bubble(list, message), message)));
  paint(item, message);
}

export function detach(id) {
  const item = document.getElementById(`message-${id}`);
  if (item && !item.dataset.seq) item.remove();
}
