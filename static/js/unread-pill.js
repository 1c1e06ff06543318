// The button that leads up to the first unread message, and on to the top of what is shown.
import { show } from "./anchor.js";

const THIRD = 1 / 3;

export class UnreadPill {
  constructor(element, list, scroller) {
    Object.assign(this, { element, list, scroller, wasThere: false });
  }

  get divider() {
    return this.list.querySelector(":scope > .divider");
  }

  get isAbove() {
    return this.divider.getBoundingClientRect().bottom < this.scroller.getBoundingClientRect().top;
  }

  /** Show it while the divider is above the screen, and once more from there. */
  toggle() {
    if (!this.divider || this.isAtTop) this.wasThere = false;
    const isUseful = Boolean(this.divider) && (this.isAbove || this.wasThere);
    if (this.element.hidden === isUseful) this.element.hidden = !isUseful;
    if (isUseful) this.element.querySelector("span").textContent = this.divider.textContent;
  }

  get isAtTop() {
    const { scrollHeight, clientHeight, scrollTop } = this.scroller;
    return scrollHeight - clientHeight + scrollTop < 1;
  }

  press() {
    this.wasThere = this.isAbove;
    if (this.wasThere) show(this.scroller, this.divider, THIRD);
    else this.scroller.scrollTop = -this.scroller.scrollHeight;
  }
}
