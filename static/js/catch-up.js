// Keeps a list equal to the server's: notices a gap in the revisions, and asks for what changed since.
import { base } from "./page.js";

export class CatchUp {
  /** `reload` is called when too much has changed to be told. */
  constructor(list, reload) {
    Object.assign(this, { list, reload, request: null, again: false });
  }

  get known() {
    return Number(this.list.dataset.revision);
  }

  /** A change with this revision was heard; an answer to this page (`quiet`) comes out of order and proves no gap. */
  saw(revision, quiet = false) {
    if (revision === this.known + 1) this.list.dataset.revision = revision;
    else if (revision > this.known && !quiet) this.missed();
  }

  missed() {
    if (this.request) this.again = true;
    else this.ask();
  }

  /** Ask anew, whatever is still on its way: that may hang in a connection that is gone. */
  async ask(since = this.known) {
    this.request?.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    const answer = await this.fetch(since, signal);
    if (signal.aborted) return;
    this.request = null;
    if (answer && this.list.isConnected) this.take(answer);
    if (this.again) this.ask();
    this.again = false;
  }

  async fetch(since, signal) {
    const { chat } = this.list.dataset;
    const first = this.list.querySelector(":scope > .message[data-seq]");
    const path = `${base}/chats/${chat}/messages?since=${since}&from=${first?.dataset.seq ?? 0}`;
    try {
      const response = await fetch(path, { signal });
      return response.ok && { headers: response.headers, html: await response.text() };
    } catch {
      return null; // the next opening of the socket asks again
    }
  }

  take({ headers, html }) {
    if (headers.has("X-Reload")) {
      this.reload();
      return;
    }
    place(this.list, html);
    const number = (name) => Number(headers.get(name));
    this.list.dataset.revision = Math.max(this.known, number("X-Revision"));
    const marks = { delivered: number("X-Delivered"), read: number("X-Read") };
    this.list.dispatchEvent(new CustomEvent("parley:marks", { bubbles: true, detail: marks }));
  }
}

/** Put messages that this page asked for where they belong. */
export function place(list, html) {
  htmx.swap({ text: html, target: list, swap: "place quiet:true", sourceElement: list, transition: false });
}
