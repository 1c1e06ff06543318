// <message-list>: an open conversation. Frames put messages in; this keeps the view still, days and marks right,
// and the list equal to the server's.
import { firstSeen, hold, isAtBottom } from "./anchor.js";
import { CatchUp, place } from "./catch-up.js";
import * as days from "./days.js";
import * as divider from "./divider.js";
import { isOpen } from "./live.js";
import * as marks from "./marks.js";
import * as outbox from "./outbox.js";
import { base, isWatched, me } from "./page.js";
import { Pages, trim } from "./pages.js";
import * as pending from "./pending.js";
import { beforePicture } from "./pictures.js";
import { Pill } from "./pill.js";
import * as places from "./places.js";
import { Reading } from "./reading.js";
import * as receipts from "./receipts.js";
import * as roving from "./roving.js";
import { UnreadPill } from "./unread-pill.js";

const QUIET = 300;
const LITTLE = 48;

class MessageList extends HTMLElement {
  connectedCallback() {
    this.list = this.querySelector(".messages__list");
    this.scroller = this.querySelector(".messages__scroll");
    this.chat = Number(this.dataset.chat);
    this.list.id = `chat-${this.chat}-messages`; // also a past stretch hears of changes; what is newer it lets pass
    this.scroller.tabIndex = -1;
    this.pill = new Pill(this.querySelector(".pill"));
    this.unreadPill = new UnreadPill(this.querySelector(".unread-pill"), this.list, this.scroller);
    this.reading = new Reading(this);
    this.catchUp = new CatchUp(this.list, () => this.reload());
    this.attach();
    this.added = [...this.list.children];
    this.settle();
    this.newest = this.newestHeard();
    const missing = places.open(this.list, this.scroller);
    this.pages = new Pages(this.list, this.scroller, (revision, change) => this.arrange(revision, change));
    this.listen();
    if (missing) this.load(`?at=${missing.seq}`, missing);
    if (isOpen()) this.catchUp.ask(); // what was told while this was on its way found no list to go to
    this.reading.look();
  }

  disconnectedCallback() {
    this.life.abort();
    this.changes.disconnect();
    this.pages.stop();
  }

  get hasNewest() {
    return "newest" in this.list.dataset;
  }

  get isAtEnd() {
    return this.hasNewest && isAtBottom(this.scroller);
  }

  /**
   * Whether new messages scroll the view: where the reader is at the end, or was until a message there grew; from a
   * change to the next picture, whether it was so before. While messages are being selected nothing moves.
   */
  get isFollowing() {
    if (this.closest("[data-selecting]")) return false;
    return this.held ? this.held.isFollowing : this.isAtEnd || (this.hasNewest && this.sticks);
  }

  /** The highest seq that this page knows of in the chat. */
  newestHeard() {
    const row = document.getElementById(`chat-${this.chat}-moving`);
    const shown = [...this.list.querySelectorAll(":scope > .message[data-seq]")].at(-1);
    return Math.max(Number(row?.dataset.seq ?? 0), Number(shown?.dataset.seq ?? 0));
  }

  listen() {
    this.life = new AbortController();
    const { signal } = this.life;
    const on = (type, then) =>
      document.addEventListener(`parley:${type}`, ({ detail }) => detail.chat === this.chat && then(detail), { signal });
    on("chat.revised", ({ revision }) => this.catchUp.saw(revision));
    on("chat.left", () => this.catchUp.ask());
    on("chat.cleared", () => this.load("", null));
    on("receipt.ticks", (ticks) => marks.raise(this.list, marks.mine(ticks, me)));
    on("receipt.read", ({ seq }) => this.reading.upTo(seq));
    on("outgoing", (message) => this.outgoing(message));
    on("waiting", (message) => this.hasNewest && this.quietly(() => pending.attach(this.list, message)));
    on("discarded", ({ id }) => pending.detach(id));
    on("sent", ({ html }) => html && place(this.list, html));
    document.addEventListener("parley:open", () => this.opened(), { signal });
    document.addEventListener("parley:missed", () => this.catchUp.missed(), { signal });
    this.addEventListener("parley:marks", ({ detail }) => marks.raise(this.list, detail));
    this.addEventListener("parley:placing", ({ detail }) => this.still(detail));
    this.addEventListener("parley:placed", ({ detail }) => this.placed(detail));
    this.addEventListener("click", (event) => this.clicked(event), { capture: true, signal });
    this.reading.listen(signal);
    roving.listen(this.list, signal);
    this.changes = new MutationObserver((records) => this.changed(records));
    this.changes.observe(this.list, { childList: true });
  }

  opened() {
    this.catchUp.ask();
    this.pages.watch(); // a page that did not come is asked for again
  }

  /**
   * Before something is put in: what is read stays where it is, and who is at the bottom stays there. The page is
   * laid out but once for all that comes before the next picture.
   */
  still({ arrived }) {
    if (!this.held) {
      const { isFollowing } = this;
      const isAtEnd = isFollowing && Math.abs(this.scroller.scrollTop) < 1;
      this.sticks = isFollowing;
      const seen = firstSeen(this.scroller);
      const height = this.scroller.scrollHeight;
      this.held = { isFollowing, isAtEnd, height, seen, release: hold(this.scroller, seen) };
    }
    this.follows ||= arrived && this.isFollowing;
    this.soon();
  }

  changed(records) {
    this.note(records);
    this.soon();
  }

  note(records) {
    for (const { addedNodes } of records) this.added.push(...addedNodes);
  }

  soon() {
    this.due ??= beforePicture(() => this.show());
  }

  /** After all that has changed since the last picture. */
  show() {
    const { held, follows } = this;
    this.due = this.held = this.follows = null;
    if (!this.isConnected) return;
    this.settle();
    if (!held) return;
    // What grows a little at the very end stays in sight, as by a reaction; a card may grow out of it.
    const grown = held.isAtEnd ? this.scroller.scrollHeight - held.height : 0;
    this.rest(held, follows || (grown > 0 && grown <= LITTLE));
    this.reading.look();
  }

  /** Trim the list, and bring what is read back to where it was. */
  rest({ seen, release }, follows = false) {
    const isCut = trim(this.list, follows ? null : seen);
    if (isCut) this.settle();
    if (follows) this.scroller.scrollTop = 0;
    else release();
    if (isCut) this.pages.watch();
  }

  placed({ items, placed, quiet, arrived }) {
    for (const item of items) {
      if (!quiet) outbox.arrived(item.id.replace("message-", ""));
      if (item.dataset.revision) this.catchUp.saw(Number(item.dataset.revision), quiet);
      const seq = Number(item.dataset.seq);
      if (!arrived || !(seq > this.newest)) continue;
      this.newest = seq;
      receipts.delivered(this.chat, seq);
      if (!("counts" in item.dataset) || Number(item.dataset.sender) === me) continue;
      if (!this.follows) this.pill.add();
      if (!isWatched() && placed.includes(item)) divider.count(this.list, item);
    }
  }

  /** Put a page in: nothing moves, nothing is read aloud, and what changed while it travelled is asked for. */
  arrange(revision, change) {
    const release = hold(this.scroller);
    this.quietly(change);
    this.settle();
    release();
    setTimeout(() => this.thin()); // by itself: both at once keep the reader's hand waiting
    this.attach();
    if (revision < this.catchUp.known) this.catchUp.ask(revision);
  }

  /** Let go of what became too much. */
  thin() {
    if (!this.isConnected) return;
    const seen = firstSeen(this.scroller);
    this.rest({ seen, release: hold(this.scroller, seen) });
  }

  /** After any change: days, marks and keys are right again. */
  settle() {
    if (this.changes) this.note(this.changes.takeRecords());
    days.settle(this.list);
    marks.settle(this.list);
    roving.settle(this.list, this.added.filter((node) => node.matches?.(".message")));
    this.added = [];
    this.changes?.takeRecords(); // of what was done just now
  }

  quietly(change) {
    this.list.ariaLive = "off";
    change();
    clearTimeout(this.loud);
    this.loud = setTimeout(() => (this.list.ariaLive = "polite"), QUIET);
  }

  /** What I have sent and the server has not got stands at the end. */
  attach() {
    if (this.hasNewest) for (const message of outbox.of(this.chat)) pending.attach(this.list, message);
  }

  outgoing(message) {
    if (this.hasNewest) this.quietly(() => pending.attach(this.list, message));
    this.toLatest();
  }

  /** Go to a message; Back returns. */
  jump(seq) {
    const place = places.of(this.list, this.scroller);
    const item = places.bySeq(this.list, seq);
    history.replaceState({ ...history.state, left: { chat: this.chat, place } }, "");
    history.pushState({ htmx: true }, "", `#${item?.id ?? seq}`); // alike but for the fragment, so nothing is loaded on Back
    if (!item) return this.load(`?at=${seq}`);
    places.reveal(this.scroller, item);
    item.tabIndex = -1; // or it would take no focus, with which it becomes the one that Tab stops at
    item.focus({ preventScroll: true });
  }

  /** Return to where a quote was followed from. */
  back(place) {
    if (!place) this.toLatest();
    else if (!places.restore(this.list, this.scroller, place)) this.load(`?at=${place.seq}`, place);
  }

  toLatest() {
    if (this.hasNewest) this.scroller.scrollTop = 0;
    else this.load(`?at=${this.newest}`, null, `${base}/chats/${this.chat}`);
  }

  /** To a message, wherever it is; the focus and Back stay as they are. */
  seek(seq) {
    const item = places.bySeq(this.list, seq);
    if (item) places.reveal(this.scroller, item);
    else this.load(`?at=${seq}`);
  }

  /** Load the list anew. `place` says where it shall stand; without, it opens like any chat. */
  load(query = "", place = undefined, replace = null) {
    if (place !== undefined) places.resume(this.chat, place);
    htmx.ajax("GET", `${base}/chats/${this.chat}${query}`, {
      source: "#live", target: this, select: "message-list", swap: "outerHTML ignoreTitle:true", replace,
    });
  }

  reload() {
    const place = places.of(this.list, this.scroller);
    if (place) this.load(`?at=${place.seq}`, place);
    else this.load();
  }

  clicked(event) {
    this.sticks = false;
    const id = event.target.closest(".message")?.id.replace("message-", "");
    const more = event.target.closest(".more");
    if (event.target.closest("[data-retry]")) outbox.retry(id);
    else if (event.target.closest("[data-discard]")) outbox.discard(id);
    else if (more) this.pages.load(more);
    else if (quoteOf(event)?.dataset.chat === this.list.dataset.chat) this.jump(Number(quoteOf(event).dataset.seq));
    else if (event.target.closest(".unread-pill")) this.unreadPill.press();
    else if (event.target.closest(".pill")) this.toLatest();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** The link of a quote, or of a line that tells of a message, that was pressed here, not for another tab. */
function quoteOf({ target, ctrlKey, metaKey, shiftKey }) {
  return ctrlKey || metaKey || shiftKey ? null : target.closest(".quote__in[data-seq], .note__link[data-seq]");
}

customElements.define("message-list", MessageList);
addEventListener("popstate", ({ state }) => {
  if (state?.left) document.querySelector(`message-list[data-chat="${state.left.chat}"]`)?.back(state.left.place);
});
