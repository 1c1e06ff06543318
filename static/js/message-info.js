// <message-info>: who has a message. Asks anew when somebody came further, at most once a second.
import { send } from "./live.js";
import { base } from "./page.js";

const PACE = 1000;
const ALL = "message-info";

const watch = (chat, on) => send({ type: "receipt.watch", chat: Number(chat), on });

class MessageInfo extends HTMLElement {
  connectedCallback() {
    watch(this.dataset.chat, true);
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    if (!document.querySelector(ALL)) watch(this.dataset.chat, false);
  }

  due() {
    this.timer ??= setTimeout(() => this.ask(), Math.max(0, (this.asked ?? 0) + PACE - Date.now()));
  }

  ask() {
    this.timer = null;
    this.asked = Date.now();
    htmx.ajax("GET", base + this.dataset.path, { source: "#live", target: this, swap: "outerMorph ignoreTitle:true", select: ALL });
  }
}

document.addEventListener("parley:receipt.moved", ({ detail }) => {
  document.querySelectorAll(`${ALL}[data-chat="${detail.chat}"]`).forEach((info) => info.due());
});

// A new socket hears nothing of it yet; after a time of limited updates it may have missed something.
for (const type of ["open", "limited"]) {
  document.addEventListener(`parley:${type}`, () => document.querySelectorAll(ALL).forEach(({ dataset }) => watch(dataset.chat, true)));
}

customElements.define(ALL, MessageInfo);
