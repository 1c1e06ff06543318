// The button that leads down to the newest message, with the number of those that came meanwhile.

export class Pill {
  constructor(element) {
    this.element = element;
    this.count = 0;
  }

  add() {
    this.count += 1;
    this.paint();
  }

  /** Show it while the newest message is out of sight; once it was seen, the count begins anew. */
  toggle(isAway) {
    if (!isAway) this.count = 0;
    if (this.element.hidden === isAway) this.element.hidden = !isAway;
    this.paint();
  }

  paint() {
    const text = this.count ? String(this.count) : "";
    const number = this.element.querySelector(".pill__count");
    if (number.textContent === text) return;
    number.textContent = text;
    const news = this.count ? `, ${text} new` : "";
    this.element.setAttribute("aria-label", `To the newest message${news}`);
  }
}
