// <chat-search>: the bar that searches the open chat: count, up and down, marks in the bubbles, and a jump to a date.
import { base } from "./page.js";
import { needle, show } from "./search-marks.js";

const SOON = 250;

let led = null; // what a hit of the search over all chats leads to, and what it marked there

async function ask(path, signal = undefined) {
  try {
    const response = await fetch(base + path, { headers: { Accept: "application/json" }, signal });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** Have a hit in sight, also far down in a long message or in what is folded of it. */
function reveal(hit, scroller) {
  const body = hit.startContainer.parentElement.closest(".bubble__body");
  const fold = body.closest(".bubble").querySelector(".bubble__fold");
  const { bottom: end } = body.getBoundingClientRect();
  const shade = 3 * parseFloat(getComputedStyle(body).lineHeight); // where what is folded fades
  if (fold && hit.getBoundingClientRect().bottom > end - shade) fold.checked = true;
  const { top, bottom } = hit.getBoundingClientRect();
  const view = scroller.getBoundingClientRect();
  if (top < view.top || bottom > view.bottom) scroller.scrollTop += (top + bottom - view.top - view.bottom) / 2;
}

class ChatSearch extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("input[type=search]");
    this.count = this.querySelector("output");
    this.day = this.querySelector("input[type=date]");
    this.forget();
    this.life = new AbortController();
    const { signal } = this.life;
    this.querySelector("form").addEventListener("submit", (event) => this.submitted(event), { signal });
    this.field.addEventListener("input", () => this.later(), { signal });
    this.day.addEventListener("change", () => this.goToDay(), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.addEventListener("keydown", (event) => this.pressed(event), { signal });
    this.changes = new MutationObserver(() => this.mark());
    this.changes.observe(this.parentElement, { childList: true, subtree: true });
    if (led?.chat === this.dataset.chat) this.follow(led);
    led = null;
  }

  /** Show what was found elsewhere as if it had been sought here. */
  follow({ seq, needles }) {
    Object.assign(this, { seqs: [seq], needles, at: 0, isNew: true });
    this.mark();
  }

  disconnectedCallback() {
    this.life.abort();
    this.asking?.abort();
    this.changes.disconnect();
    clearTimeout(this.timer);
    show(null, [], 0);
  }

  get list() {
    return this.parentElement.querySelector("message-list");
  }

  forget() {
    Object.assign(this, { asked: "", problem: "", seqs: [], needles: [], at: -1, isAll: true, isNew: false });
    this.tell();
  }

  open() {
    if (this.hidden) this.opener = document.activeElement;
    this.hidden = false;
    this.field.focus();
    this.field.select();
  }

  close() {
    this.hidden = true;
    this.field.value = "";
    this.forget();
    const back = this.opener?.isConnected ? this.opener : document.querySelector(".composer__field");
    (back ?? document.getElementById("pane")).focus({ preventScroll: true });
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), SOON);
  }

  submitted(event) {
    event.preventDefault();
    clearTimeout(this.timer);
    if (this.field.value.trim() === this.asked) this.step(1);
    else this.search();
  }

  async search() {
    this.asking?.abort();
    this.asking = new AbortController();
    const words = this.field.value.trim();
    if (!words) return this.forget();
    const { signal } = this.asking;
    const found = await ask(`/chats/${this.dataset.chat}/search?${new URLSearchParams({ q: words })}`, signal);
    if (signal.aborted || !this.isConnected || this.hidden) return;
    if (!found) this.count.textContent = "No answer";
    else {
      const { query, filters, problem, seqs, needles, next } = found;
      if (!query && !Object.keys(filters).length && !problem) return this.forget(); // half a filter
      Object.assign(this, { asked: words, problem, seqs, needles, at: -1, isAll: next === null });
      this.step(1);
    }
  }

  /** To the next older hit, or with -1 to the next newer. */
  step(by) {
    this.at = Math.max(0, Math.min(this.seqs.length - 1, this.at + by));
    this.isNew = this.seqs.length > 0;
    if (this.isNew) this.list?.seek(this.seqs[this.at]);
    this.tell();
  }

  tell() {
    const { at, asked, problem, seqs, isAll } = this;
    this.count.textContent = seqs.length ? `${at + 1} of ${seqs.length}${isAll ? "" : "+"}` : problem || (asked && "No hits");
    this.querySelector('[data-step="1"]').disabled = at >= seqs.length - 1;
    this.querySelector('[data-step="-1"]').disabled = at <= 0;
    this.mark();
  }

  /** Once for all changes of a moment. */
  mark() {
    this.marking ??= requestAnimationFrame(() => {
      this.marking = null;
      if (!this.isConnected) return;
      const [hit] = show(this.list?.list, this.needles, this.seqs[this.at]);
      if (hit && this.isNew) reveal(hit, this.list.scroller);
      if (hit) this.isNew = false;
    });
  }

  async goToDay() {
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const query = new URLSearchParams({ day: this.day.value, zone: timeZone ?? "" });
    const found = this.day.value && (await ask(`/chats/${this.dataset.chat}/day?${query}`));
    if (found) this.list?.seek(found.seq);
  }

  clicked({ target }) {
    const step = target.closest("[data-step]");
    if (step) this.step(Number(step.dataset.step));
    else if (target.closest("[data-close-search]")) this.close();
    else if (target === this.day) this.day.showPicker?.();
  }

  pressed(event) {
    const { key, shiftKey } = event;
    if (key === "Escape") this.close();
    else if (event.target === this.field && key === "ArrowUp") this.step(1);
    else if (event.target === this.field && key === "ArrowDown") this.step(-1);
    else if (event.target === this.field && key === "Enter" && shiftKey) this.step(-1);
    else return;
    event.preventDefault();
  }
}

customElements.define("chat-search", ChatSearch);

const bar = () => document.querySelector("chat-search");

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-open-search]") || !bar()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  bar().open();
}, { capture: true });

document.addEventListener("click", ({ target, ctrlKey, metaKey, shiftKey }) => {
  const link = target.closest(".hit__link");
  if (!link || ctrlKey || metaKey || shiftKey) return; // for another tab
  const { pathname, searchParams } = new URL(link.href);
  const needles = [...link.querySelectorAll("mark")].map((mark) => needle(mark.textContent));
  led = { chat: pathname.split("/").at(-1), seq: Number(searchParams.get("at")), needles };
}, { capture: true });

// Pressed again in the field, the browser's own search answers.
document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (key.toLowerCase() !== "f" || !(ctrlKey || metaKey) || altKey || shiftKey || !bar()) return;
  if (document.querySelector("dialog[open]") || document.activeElement === bar().field) return;
  event.preventDefault();
  bar().open();
});
