// <message-hits>: while one types in the field of the left column, the messages that have it, beneath the chats that do;
// and the keys that go from the field to what was found, and back.
import { get, parse } from "./fragments.js";

const field = () => document.querySelector("#inbox .search input");
const count = () => document.getElementById("found-count");
const places = () => [...document.querySelectorAll("#found :is(.row__link, .hit__link, .hits__more a)")];
const some = (number, one, many, more = "") => (number ? [`${number}${more} ${number === 1 && !more ? one : many}`] : []);

let last = null; // the element that was there before this one, of the same typing

class MessageHits extends HTMLElement {
  connectedCallback() {
    this.life = new AbortController();
    const { signal } = this.life;
    // What is typed next has another answer.
    field()?.addEventListener("input", () => this.life.abort(), { signal });
    if (last) this.append(...last.querySelectorAll(":scope > :not(.search-lead)"));
    last = null;
    this.dataset.busy = "";
    this.ask(signal);
  }

  disconnectedCallback() {
    this.life.abort();
    last = this;
    setTimeout(() => {
      if (last === this) last = null;
      if (!document.querySelector("message-hits")) count().textContent = "";
    });
  }

  async ask(signal) {
    const response = await get(`/search?${new URLSearchParams({ q: this.dataset.query })}`, {}, signal);
    const html = response?.ok && (await response.text().catch(() => null));
    if (signal.aborted) return;
    const said = html && (await parse(html)).querySelector(".found__said");
    if (signal.aborted) return;
    delete this.dataset.busy;
    if (!said) return;
    this.replaceChildren(...said.childNodes);
    htmx.process(this);
    this.tell();
  }

  tell() {
    const all = [
      ...some(document.querySelectorAll("#chats > .row").length, "chat", "chats"),
      ...some(document.querySelectorAll("#found .row--person").length, "person", "people"),
      ...some(this.querySelectorAll(".hit").length, "message", "messages", this.querySelector(".hits__more") ? " or more" : ""),
    ];
    count().textContent = all.join(", ") || "Nothing found";
  }
}

customElements.define("message-hits", MessageHits);

/** To the first of what was found for what stands in the field; answers whether there is one already. */
function choose() {
  const query = document.querySelector("#found chat-list")?.dataset.query;
  if (!query || query.trim() !== field().value.trim()) return false;
  const [first] = places();
  first?.click();
  return Boolean(first);
}

function move(from, by) {
  const all = [field(), ...places()];
  const next = all[all.indexOf(from) + by];
  next?.focus();
  return Boolean(next);
}

function leave() {
  field().focus();
  field().value = "";
  field().dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

const KEYS = {
  ArrowDown: (target) => move(target, 1),
  ArrowUp: (target) => move(target, -1),
  Enter: (target) => target === field() && choose(),
  Escape: (target) => target !== field() && Boolean(field().value) && leave(),
};

document.addEventListener("keydown", (event) => {
  const { key, target, isComposing, altKey, ctrlKey, metaKey, shiftKey } = event;
  if (!KEYS[key] || isComposing || altKey || ctrlKey || metaKey || shiftKey || event.defaultPrevented) return;
  if (target === field() || places().includes(target)) KEYS[key](target) && event.preventDefault();
});
