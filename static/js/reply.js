// What is being written as an answer: the strip over the composer, from the menu, by R or by a swipe, until it is sent.
import { isAtBottom } from "./anchor.js";
import { parse } from "./fragments.js";
import { retry } from "./outbox.js";
import { base } from "./page.js";
import { post } from "./post.js";
import { toast } from "./toasts.js";

const EXCERPT = 200;
const strip = () => document.getElementById("reply");
const field = () => document.querySelector(".composer__field");
const begun = () => strip()?.querySelector("[name=reply_to]");

/** Put what a quote shows into its markup, which is the server's. */
function fill(quote, { hue, sender, name, text, href, chat, seq }) {
  const link = quote.querySelector(".quote__in");
  quote.dataset.hue = hue;
  link.href = href;
  Object.assign(link.dataset, { chat, seq });
  quote.querySelector(".who").dataset.user = sender;
  const shown = quote.querySelector("[data-name-of]");
  shown.dataset.nameOf = sender;
  shown.textContent = name;
  quote.querySelector(".quote__text").textContent = text;
  return quote;
}

const blank = () => document.getElementById("reply-blank").content.cloneNode(true);

/** What a quote of a bubble shows, read off it; the server's own words follow. */
function told(item) {
  const name = item.querySelector(".bubble__name");
  const text = item.querySelector(".bubble__body").textContent.split(/\s+/).join(" ").trim();
  return {
    hue: name.dataset.hue, sender: item.dataset.sender, name: name.textContent, text: text.slice(0, EXCERPT),
    href: `?at=${item.dataset.seq}#${item.id}`, chat: strip().dataset.chat, seq: item.dataset.seq,
  };
}

const keep = (chat, seq, from = "") => post(`/chats/${chat}/reply`, { reply_to: seq, reply_from: from });

/** Fill the strip; who reads the newest messages goes on seeing them. */
function show(content) {
  const scroller = document.querySelector(".messages__scroll");
  const isFollowing = scroller && isAtBottom(scroller);
  strip().replaceChildren(...content);
  strip().hidden = !content.length;
  if (isFollowing) scroller.scrollTop = 0;
}

/** Begin to answer a message, if it can be answered. */
async function begin(item) {
  if (!item?.dataset.seq || item.dataset.kind === "note" || "deleted" in item.dataset || !strip() || !field()) return;
  const { seq } = item.dataset;
  const { chat } = strip().dataset;
  const content = blank();
  const answered = content.querySelector("[name=reply_to]");
  answered.value = seq;
  if (item.dataset.expires) answered.dataset.expires = item.dataset.expires;
  content.querySelector("form").action = `${base}/chats/${chat}/reply`;
  fill(content.querySelector(".quote"), told(item));
  show([...content.children]);
  field().focus();
  const response = await keep(chat, seq);
  if (!response?.ok) return;
  const fresh = await parse(await response.text());
  if (strip()?.dataset.chat === chat && begun()?.value === seq) show([...fresh.children]);
}

function cancel() {
  if (!begun()) return;
  show([]);
  keep(strip().dataset.chat, "");
  field()?.focus();
}

/** There is nothing to answer any more; what was written stays. */
export function end(reason) {
  show([]);
  toast(reason);
}

/** What was deleted cannot be answered any more, and nothing of it stays in sight. */
function drop(items) {
  const isOne = ({ dataset }) => "deleted" in dataset && dataset.seq === begun()?.value;
  if (!items.some(isOne) || strip().querySelector("[name=reply_from]")) return;
  end("The message you were replying to was deleted.");
}

/** The message that is sent takes the quote along: for the server its number, for the bubble on its way what it shows. */
function take(message) {
  if (!begun() || Number(strip().dataset.chat) !== message.chat) return;
  const quote = strip().querySelector(".quote");
  const link = quote.querySelector(".quote__in");
  for (const { name, value } of strip().querySelectorAll("input")) message.fields[name] = value;
  message.quote = {
    hue: quote.dataset.hue, sender: quote.querySelector(".who").dataset.user,
    name: quote.querySelector("[data-name-of]").textContent, text: quote.querySelector(".quote__text").textContent.trim(),
    href: link.href, chat: link.dataset.chat, seq: link.dataset.seq,
  };
  show([]);
}

function draw({ item, quote }) {
  if (quote && document.getElementById("reply-blank")) {
    item.querySelector(".bubble__text").prepend(fill(blank().querySelector(".quote"), quote));
  }
}

/** What was answered was deleted in the same moment: the words are sent without the quote. */
function goOn(message) {
  const { id, state, wrong, fields } = message;
  if (state !== "failed" || wrong !== "reply_to") return;
  delete fields.reply_to;
  delete fields.reply_from;
  delete message.quote;
  document.querySelector(`#message-${id} .quote`)?.remove();
  retry(id);
  toast("The message you were replying to is gone, so yours was sent without it.");
}

document.addEventListener("parley:composing", ({ detail }) => take(detail));
document.addEventListener("parley:waiting", ({ detail }) => goOn(detail));
document.addEventListener("parley:drawn", ({ detail }) => draw(detail));
document.addEventListener("parley:reply", ({ target }) => begin(target));
document.addEventListener("parley:placed", ({ detail }) => drop(detail.items));
document.addEventListener("parley:discarded", ({ detail }) => detail.fields?.reply_to && keep(detail.chat, ""));

document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-reply]");
  const item = action && document.getElementById(action.dataset.reply);
  if (!item || !strip()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  action.closest("dialog")?.close();
  begin(item);
}, { capture: true });

document.addEventListener("submit", (event) => {
  if (!event.target.closest("#reply")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  cancel();
}, { capture: true });

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  if (event.target !== field() || !begun()) return;
  event.preventDefault();
  cancel();
});
