// What the reader's place in a list means: for the pill, the floating day, and for what counts as read.
import { lastSeen } from "./anchor.js";
import * as days from "./days.js";
import * as divider from "./divider.js";
import { isWatched } from "./page.js";
import * as places from "./places.js";
import { post } from "./post.js";
import * as receipts from "./receipts.js";

const SCROLLING = 1000;
const HANDS = ["wheel", "touchmove", "pointerdown", "keydown"];

export class Reading {
  constructor(element) {
    Object.assign(this, { element, list: element.list, scroller: element.scroller, picture: null, touched: 0 });
  }

  listen(signal) {
    const options = { signal, passive: true };
    for (const type of ["focus", "resize"]) addEventListener(type, () => this.look(), options);
    document.addEventListener("visibilitychange", () => this.look(), options);
    this.scroller.addEventListener("scroll", () => this.look(), options);
    for (const type of HANDS) this.scroller.addEventListener(type, () => this.touch(), options);
  }

  /** The reader moves the list, or is about to. */
  touch() {
    this.touched = Date.now();
    this.element.sticks = false;
  }

  /** Look once per picture, however much has happened. */
  look() {
    this.picture ??= requestAnimationFrame(() => {
      this.picture = null;
      if (this.list.isConnected) this.see();
    });
  }

  see() {
    this.element.pill.toggle(!this.element.isAtEnd);
    this.element.unreadPill.toggle();
    places.remember(this.list, this.scroller);
    if (Date.now() - this.touched < SCROLLING) {
      this.touched = Date.now();
      days.float(this.element.querySelector(".messages__day"), this.scroller);
    }
    if (!isWatched()) return;
    this.unmark();
    divider.close(this.list);
    const seq = lastSeen(this.scroller);
    if (this.upTo(seq)) receipts.read(this.element.chat, seq);
  }

  /** Who comes back to a chat that they had marked as unread did what the mark was for. */
  unmark() {
    if (!("marked" in this.list.dataset)) return;
    delete this.list.dataset.marked;
    post(`/chats/${this.element.chat}/unread`, { on: 0 });
  }

  /** Read up to here, on this device or another one; answers whether that is news. */
  upTo(seq) {
    if (!(seq > Number(this.list.dataset.readSeq))) return false;
    this.list.dataset.readSeq = seq;
    return true;
  }
}
