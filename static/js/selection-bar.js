// <selection-bar>: messages of the open chat are ticked, and what is to be done with them stands in place of the composer.
import { copy } from "./copy.js";
import { get } from "./fragments.js";
import { base } from "./page.js";
import { post } from "./post.js";
import { toast } from "./toasts.js";

const MOST = 100;
const SELECTABLE = ".message[data-seq]:not([data-deleted], [data-kind=note])";
const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };
const sheet = document.getElementById("sheet");
const seqOf = (item) => Number(item.dataset.seq);
const tickOf = (item) => item?.querySelector(":scope > .selection__tick");

/** Whether a list shows the stretch in which a message would stand. */
function covers(list, seq) {
  const shown = [...list.querySelectorAll(":scope > .message[data-seq]")].map(seqOf);
  const isAfter = shown[0] < seq || !list.querySelector(":scope > [data-more=older]");
  return isAfter && (shown.at(-1) > seq || "newest" in list.dataset);
}

class SelectionBar extends HTMLElement {
  connectedCallback() {
    this.seqs = new Set();
    this.page = this.closest("#conversation");
    this.page.dataset.selecting = "";
    this.life = new AbortController();
    const { signal } = this.life;
    // Before anybody else: what is in a message does nothing now.
    addEventListener("click", (event) => this.clicked(event), { signal, capture: true });
    addEventListener("keydown", (event) => this.key(event), { signal, capture: true });
    document.addEventListener("parley:chat.starred", () => setTimeout(() => this.show()), { signal });
    document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => this.done(ctx), { signal });
    this.changes = new MutationObserver((records) => this.changed(records));
    this.changes.observe(this.page, { childList: true, subtree: true });
    for (const item of this.items) this.box(item);
    this.show();
  }

  disconnectedCallback() {
    this.life.abort();
    this.changes.disconnect();
    delete this.page.dataset.selecting;
    for (const item of this.page.querySelectorAll(".message")) {
      tickOf(item)?.remove();
      delete item.dataset.ticked;
    }
  }

  get list() {
    return this.page.querySelector(".messages__list");
  }

  get items() {
    return [...this.page.querySelectorAll(SELECTABLE)];
  }

  get query() {
    return new URLSearchParams([...this.seqs].sort((a, b) => a - b).map((seq) => ["seq", seq]));
  }

  /** Put a box at a message. */
  box(item) {
    if (tickOf(item)) return;
    const tick = document.createElement("input");
    tick.type = "checkbox";
    tick.className = "selection__tick";
    tick.tabIndex = item.tabIndex;
    const name = item.querySelector(".bubble__name").textContent;
    tick.ariaLabel = `${name}: ${item.querySelector(".bubble__body").textContent.trim().slice(0, 100)}`;
    item.prepend(tick);
    this.paint(item);
  }

  paint(item) {
    const isTicked = this.seqs.has(seqOf(item));
    item.toggleAttribute("data-ticked", isTicked);
    tickOf(item).checked = isTicked;
  }

  /** Messages come, change and go: each has its box and its tick, and what is gone for good is ticked no more. */
  changed(records) {
    for (const { addedNodes, removedNodes } of records) {
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) this.came(node);
      for (const node of removedNodes) if (node.dataset?.seq && node.matches(".message")) this.went(seqOf(node));
    }
    this.show();
  }

  came(node) {
    const items = node.matches(".message") ? [node] : node.querySelectorAll(".message");
    for (const item of items) {
      if (item.matches(SELECTABLE)) this.box(item);
      else this.seqs.delete(seqOf(item));
    }
  }

  went(seq) {
    const { list } = this;
    if (list && !list.querySelector(`:scope > .message[data-seq="${seq}"]`) && covers(list, seq)) this.seqs.delete(seq);
  }

  /** Tick a message or not; with `from` all between the two. */
  tick(item, isTicked, from = null) {
    const { items } = this;
    const ends = [items.indexOf(item), from ? items.indexOf(from) : -1].filter((index) => index >= 0);
    for (const each of items.slice(Math.min(...ends), Math.max(...ends) + 1)) {
      if (isTicked && !this.seqs.has(seqOf(each)) && this.seqs.size >= MOST) {
        toast(`You can select up to ${MOST} messages at once.`);
        break;
      }
      this.seqs[isTicked ? "add" : "delete"](seqOf(each));
    }
    for (const each of items) this.paint(each);
    this.last = item.id;
    this.show();
  }

  toggle(item, isRange) {
    const from = isRange && document.getElementById(this.last);
    this.tick(item, from ? this.seqs.has(seqOf(from)) : !this.seqs.has(seqOf(item)), from);
  }

  clicked(event) {
    const item = event.target.closest(".message");
    if (this.contains(event.target)) this.act(event.target.closest("[data-do]")?.dataset.do);
    if (!item || !this.page.contains(item)) return;
    event.stopImmediatePropagation();
    if (!event.target.matches(".selection__tick")) event.preventDefault();
    if (!item.matches(SELECTABLE)) return;
    this.toggle(item, event.shiftKey);
    tickOf(item).focus({ preventScroll: true });
    // A box that is pressed changes by itself after this.
    if (event.target.matches(".selection__tick")) setTimeout(() => item.isConnected && this.paint(item));
  }

  key(event) {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    const item = event.target.closest(".message");
    if (event.key === "Escape") this.close();
    else if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === " " && event.target === tickOf(item)) return; // presses the box
    else if (event.key in STEPS) this.step(item, STEPS[event.key], event.shiftKey);
    else if ([" ", "Enter"].includes(event.key)) {
      if (item.matches(SELECTABLE)) this.toggle(item, event.shiftKey);
    } else {
      if (event.key.length === 1) event.stopImmediatePropagation(); // what a letter does to a message otherwise
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** To the next box; with Shift the tick goes along. */
  step(item, by, isRange) {
    const { items } = this;
    const before = items.filter((each) => each.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING).length;
    const index = items.indexOf(item);
    const to = items[Math.min(Math.max((index < 0 && by > 0 ? before - 1 : index < 0 ? before : index) + by, 0), items.length - 1)];
    if (!to) return;
    tickOf(to).focus();
    if (isRange) this.tick(to, true, item.matches(SELECTABLE) ? item : null);
  }

  show() {
    const count = this.seqs.size;
    this.querySelector("output").value = count === 1 ? "1 selected" : `${count} selected`;
    for (const button of this.querySelectorAll("[data-do]:not([data-do=close])")) button.disabled = !count;
    const shown = this.items.filter((item) => this.seqs.has(seqOf(item)));
    this.isStarred = shown.length > 0 && shown.every((item) => "starred" in item.dataset);
    const star = this.querySelector("[data-do=star]");
    star.ariaLabel = star.title = this.isStarred ? "Remove star" : "Star";
    star.toggleAttribute("data-on", this.isStarred);
  }

  act(what) {
    const path = `/chats/${this.dataset.chat}`;
    if (what === "close") this.close();
    else if (what === "copy") this.copy(path);
    else if (what === "star") this.star(path);
    else if (what === "forward") this.ask(`${path}/forward`);
    else if (what === "delete") this.ask(`${path}/selection/delete`);
  }

  async copy(path) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    await copy(textOf(`${path}/selection?${this.query}&zone=${encodeURIComponent(zone)}`));
    this.close();
  }

  async star(path) {
    const answer = await post(`${path}/selection`, [["action", this.isStarred ? "unstar" : "star"], ...this.query]);
    if (answer?.ok) this.close();
    else toast("That did not work. Please try again.", "error");
  }

  ask(path) {
    this.asked = true;
    htmx.ajax("GET", `${base}${path}?${this.query}`, { source: "#live", target: "#sheet", swap: "innerHTML ignoreTitle:true" });
  }

  /** What was asked for in the sheet is done. */
  done(ctx) {
    if (ctx.request.method === "POST" && sheet.contains(ctx.sourceElement) && ctx.response?.raw.ok) this.close();
  }

  close() {
    if (!this.isConnected) return;
    const item = document.getElementById(this.last);
    this.remove();
    if (!sheet.open) item?.focus({ preventScroll: true });
    else sheet.addEventListener("close", () => item?.focus({ preventScroll: true }), { once: true });
  }
}

async function textOf(path) {
  const answer = await get(path, { Accept: "application/json" });
  if (!answer?.ok) throw new Error("the server refused");
  return (await answer.json()).text;
}

customElements.define("selection-bar", SelectionBar);

function begin(item) {
  const page = item.closest("#conversation");
  const bar = document.getElementById("selection").content.querySelector("selection-bar").cloneNode(true);
  page.append(bar);
  bar.tick(item, true);
  return () => tickOf(item)?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-select]");
  const item = action && document.getElementById(action.dataset.select);
  if (!item || !document.getElementById("selection")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const focus = begin(item);
  sheet.addEventListener("close", focus, { once: true });
  sheet.close();
}, { capture: true });
