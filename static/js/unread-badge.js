// <unread-badge>: how many messages of a chat wait. The server gives the number, arriving messages count it on.
import { me } from "./page.js";

const MOST = 999;

class UnreadBadge extends HTMLElement {
  get row() {
    return this.closest(".row");
  }

  get count() {
    return Number(this.row.dataset.unread);
  }

  set count(count) {
    this.row.dataset.unread = count;
    this.textContent = count > MOST ? `${MOST}+` : count || "";
  }

  /** Count a message that came after everything the row knew of, unless it is mine or is read already. */
  arrived({ seq, sender, counts }) {
    if (counts && sender !== me && seq > Number(this.row.dataset.readSeq)) this.count += 1;
  }
}

customElements.define("unread-badge", UnreadBadge);
