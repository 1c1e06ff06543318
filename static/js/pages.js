// The stretch of a chat that the page holds: older and newer pages come as they are scrolled to, the far end goes.
import { get } from "./fragments.js";
import { base } from "./page.js";

const MOST = 320;
const KEPT = 300;
const AT_ONCE = 25; // put in at once: more, and the reader's hand waits for the page
const AHEAD = "1000px 0px";
const ENDS = {
  older: { key: "before", rel: "prev", label: "Older messages" },
  newer: { key: "after", rel: "next", label: "Newer messages" },
};

const messages = (list) => [...list.querySelectorAll(":scope > .message[data-seq]")];

/** The link to the next page at one end, as the server writes it. */
function more(chat, end, seq) {
  const { key, rel, label } = ENDS[end];
  const item = document.createElement("li");
  item.className = "more";
  item.dataset.more = end;
  item.dataset[key] = seq;
  const link = document.createElement("a");
  link.href = `${base}/chats/${chat}?${key}=${seq}`;
  link.rel = rel;
  link.textContent = label;
  link.setAttribute("hx-boost", "false");
  item.append(link);
  return item;
}

function cut(list, end, count) {
  const shown = messages(list);
  const edge = end === "older" ? shown[count] : shown.at(-count - 1);
  const isOutside = (child) =>
    edge.compareDocumentPosition(child) &
    (end === "older" ? Node.DOCUMENT_POSITION_PRECEDING : Node.DOCUMENT_POSITION_FOLLOWING);
  for (const child of [...list.children]) if (!child.matches(".mark") && isOutside(child)) child.remove();
  const link = more(list.dataset.chat, end, edge.dataset.seq);
  if (end === "older") list.prepend(link);
  else {
    list.append(link);
    delete list.dataset.newest;
  }
}

/** Let go of what is too much, at the end that is far from `seen`, the message that is read, or from the newest. Answers whether something went. */
export function trim(list, seen) {
  const shown = messages(list);
  if (shown.length <= MOST) return false;
  const position = shown.indexOf(seen);
  cut(list, position >= 0 && position < shown.length / 2 ? "newer" : "older", shown.length - KEPT);
  return true;
}

/** Loads a page when its link comes near. `arrange` is called with the change that puts it in. */
export class Pages {
  constructor(list, scroller, arrange) {
    Object.assign(this, { list, scroller, arrange, loading: false });
    this.observer = new IntersectionObserver((entries) => this.near(entries), { root: scroller, rootMargin: AHEAD });
    this.watch();
  }

  /** Look at the links that are there now, also at those seen before. */
  watch() {
    this.observer.disconnect();
    for (const link of this.list.querySelectorAll(":scope > .more")) this.observer.observe(link);
  }

  stop() {
    this.observer.disconnect();
  }

  near(entries) {
    const link = entries.find((entry) => entry.isIntersecting)?.target;
    if (link && !this.loading) this.load(link);
  }

  async load(link) {
    this.loading = true;
    const { more: end, before, after } = link.dataset;
    const query = end === "older" ? `before=${before}` : `after=${after}`;
    const response = await get(`/chats/${this.list.dataset.chat}/messages?${query}&limit=${AT_ONCE}`);
    const html = response?.ok ? await response.text() : null;
    this.loading = false;
    if (html === null || !link.isConnected) return;
    const opposite = end === "older" ? "newer" : "older";
    this.arrange(Number(response.headers.get("X-Revision")), () => {
      htmx.swap({
        text: html, target: link, swap: "outerHTML", select: `li:not([data-more=${opposite}])`,
        sourceElement: this.list, transition: false,
      });
      if (end === "newer" && response.headers.get("X-Has-Newer") === "0") this.list.dataset.newest = "";
    });
    this.watch();
  }
}
