// <message-composer>: what one writes, and how it leaves.
import { Draft } from "./drafts.js";
import { send } from "./live.js";
import * as outbox from "./outbox.js";
import { base, me } from "./page.js";
import { blank, trimmed, uuid } from "./words.js";

const TYPING = 3000;
const IME = 229;
const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

class MessageComposer extends HTMLElement {
  connectedCallback() {
    this.chat = Number(this.dataset.chat);
    this.form = this.querySelector("#composer");
    this.field = this.form.elements.body;
    this.form.noValidate = true;
    this.draft = new Draft(this.chat, this.field);
    this.listen();
    this.grow();
    const { activeElement } = document;
    if (!isTouch.matches && (activeElement === document.body || activeElement.closest(".row, #pane"))) this.focusEnd();
  }

  disconnectedCallback() {
    this.life.abort();
    this.rest();
    this.draft.leave();
  }

  listen() {
    this.life = new AbortController();
    const { signal } = this.life;
    const on = (type, then) =>
      document.addEventListener(`parley:${type}`, ({ detail }) => detail.chat === this.chat && then(detail), { signal });
    on("sent", () => this.draft.cleared());
    on("discarded", () => this.draft.forget());
    on("chat.drafted", ({ body }) => this.adopt(body));
    this.form.addEventListener("submit", (event) => this.submit(event), { signal });
    this.field.addEventListener("keydown", (event) => this.key(event), { signal });
    this.field.addEventListener("input", () => this.input(), { signal });
    this.field.addEventListener("blur", () => this.rest(), { signal });
    document.addEventListener("parley:open", () => this.draft.save(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.draft.leave(), { signal });
    addEventListener("pagehide", () => this.draft.leave(), { signal });
  }

  focusEnd() {
    this.field.focus({ preventScroll: true });
    this.field.setSelectionRange(this.field.value.length, this.field.value.length);
  }

  key(event) {
    if (event.isComposing || event.keyCode === IME) return;
    const isPlain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === "Enter" && isPlain && !isTouch.matches) {
      event.preventDefault();
      if (!event.repeat) this.submit();
    } else if (event.key === "ArrowUp" && isPlain && !this.field.value) {
      event.preventDefault();
      this.editLast();
    }
  }

  submit(event) {
    event?.preventDefault();
    const body = trimmed(this.field.value);
    if (blank(body)) return;
    const seen = document.querySelector(".messages__list")?.dataset.readSeq ?? 0;
    this.draft.sent();
    this.field.value = "";
    this.grow();
    this.rest();
    this.field.focus();
    const message = { chat: this.chat, id: uuid(), body, seen, fields: {} };
    document.dispatchEvent(new CustomEvent("parley:composing", { detail: message })); // others add what goes with it
    outbox.add(message);
  }

  input() {
    this.draft.change();
    this.grow();
    if (blank(this.field.value)) this.rest();
    else if (Date.now() - (this.typed ?? 0) > TYPING && send({ type: "typing.start", chat: this.chat })) this.typed = Date.now();
  }

  /** No longer typing. */
  rest() {
    if (this.typed) send({ type: "typing.stop", chat: this.chat });
    this.typed = null;
  }

  /** Grow with the text where the stylesheet cannot. */
  grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  async adopt(body) {
    await this.draft.adopt(body);
    this.grow();
  }

  /** Open the edit form of my newest message, if it may still be edited. */
  async editLast() {
    const mine = `.messages__list > .message[data-sender="${me}"][data-kind="text"][data-seq]:not([data-deleted])`;
    const last = [...document.querySelectorAll(mine)].at(-1);
    if (!last) return;
    const path = `${base}/chats/${this.chat}/messages/${last.dataset.seq}`;
    const answer = await fetch(`${path}/menu`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || !(await answer.json()).may_edit || this.field.value) return;
    htmx.ajax("GET", `${path}/edit`, { source: "#live", target: "#sheet", swap: "innerHTML ignoreTitle:true" });
  }
}

/** Whether I may write in the open chat has changed: the server says so in this place. What I wrote stays mine. */
async function renew({ detail }) {
  const place = `#conversation[data-chat="${detail.chat}"] .composer`;
  if (!document.querySelector(place)) return;
  const text = document.querySelector(place).querySelector("textarea")?.value ?? "";
  await htmx.ajax("GET", `${base}/chats/${detail.chat}`, {
    source: "#live", target: place, select: ".composer", swap: "outerHTML ignoreTitle:true",
  });
  const composer = document.querySelector(place);
  if (text && composer) (composer.querySelector("textarea") ?? composer.appendChild(kept())).value = text;
}

/** A field for text that cannot be sent any more. */
function kept() {
  const field = document.createElement("textarea");
  Object.assign(field, { id: "kept", readOnly: true, rows: 2, dir: "auto", ariaLabel: "Your unsent text" });
  return field;
}

customElements.define("message-composer", MessageComposer);
for (const type of ["chat.left", "chat.joined"]) document.addEventListener(`parley:${type}`, renew);
