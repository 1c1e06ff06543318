// Keeps a list equal to the server's: notices a gap in the revisions, and asks for what changed since.
import { Asking } from "./asking.js";
import { learn } from "./clock.js";
import { base } from "./page.js";

export class CatchUp {
  /** `reload` is called when too much has changed to be told. */
  constructor(list, reload) {
    Object.assign(this, { list, reload });
    this.asking = new Asking((signal, since = this.known) => this.catchUp(signal, since));
  }

  get known() {
    return Number(this.list.dataset.revision);
  }

  /** A change with this revision was heard; an answer to this page (`quiet`) comes out of order and proves no gap. */
  saw(revision, quiet = false) {
    if (revision === this.known + 1) this.list.dataset.revision = revision;
    else if (revision > this.known && !quiet) this.missed();
  }

  /** Something may have been missed. */
  missed() {
    this.asking.soon();
  }

  /** Ask anew, whatever is still on its way. */
  ask(since) {
    this.asking.anew(since);
  }

  async catchUp(signal, since) {
    if (!this.list.isConnected) return true;
    const answer = await this.fetch(since, signal);
    if (answer?.html !== undefined && !signal.aborted && this.list.isConnected) this.take(answer);
    return answer !== null;
  }

  /** The answer, an empty one where we may not ask, or null where there is none just now. */
  async fetch(since, signal) {
    const { chat } = this.list.dataset;
    // Where nothing older waits to be loaded, also what stands before the first one that is shown may be missing.
    const hasOlder = this.list.querySelector(":scope > [data-more=older]");
    const first = hasOlder && this.list.querySelector(":scope > .message[data-seq]");
    const path = `${base}/chats/${chat}/messages?since=${since}&from=${first?.dataset.seq ?? 0}`;
    try {
      const response = await fetch(path, { signal });
      if (response.status >= 500) return null;
      learn(response.headers.get("Date"));
      return response.ok ? { headers: response.headers, html: await response.text() } : {};
    } catch {
      return null;
    }
  }

  /** Something happened in the chat that this page did not hear; what else shows its state may have to ask, too. */
  tell() {
    const { chat } = this.list.dataset;
    document.dispatchEvent(new CustomEvent("parley:chat.missed", { detail: { chat } }));
  }

  take({ headers, html }) {
    const number = (name) => Number(headers.get(name));
    if (headers.has("X-Reload") || number("X-Revision") > this.known) this.tell();
    if (headers.has("X-Reload")) {
      this.reload();
      return;
    }
    if (html.trim()) place(this.list, html);
    this.list.dataset.revision = Math.max(this.known, number("X-Revision"));
    const marks = { delivered: number("X-Delivered"), read: number("X-Read") };
    this.list.dispatchEvent(new CustomEvent("parley:marks", { bubbles: true, detail: marks }));
  }
}

/** Put messages that this page asked for where they belong. */
export function place(list, html) {
  htmx.swap({ text: html, target: list, swap: "place quiet:true", sourceElement: list, transition: false });
}
