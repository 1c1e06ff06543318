// <emoji-panel>: all emoji in their groups, found by name, with skin tones and those used last. There is one in a page.
import { showBeside } from "./beside.js";
import { icon, make } from "./elements.js";
import * as emoji from "./emoji.js";
import * as grid from "./emoji-grid.js";
import { onPane } from "./page.js";
import { choose, toolbar } from "./toolbar.js";

const SAMPLE = "✋";
const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

class EmojiPanel extends HTMLElement {
  connectedCallback() {
    if (this.field) return;
    this.setAttribute("role", "dialog");
    this.ariaLabel = "Emoji";
    this.field = make("input", { type: "search", "aria-label": "Search emoji", placeholder: "Search emoji", autocomplete: "off" });
    this.tabs = make("div", { class: "emoji-panel__tabs", role: "toolbar", "aria-label": "Groups" });
    this.all = make("div", { class: "emoji-panel__all" });
    this.found = make("div", { class: "emoji-panel__all", hidden: "" });
    this.scroller = make("div", { class: "emoji-panel__scroll" }, this.all, this.found);
    this.said = make("p", { class: "emoji-panel__name", role: "status" });
    this.append(
      make("label", { class: "search" }, icon("search"), this.field), this.tabs, this.scroller,
      make("div", { class: "emoji-panel__foot" }, this.said, this.tones()),
    );
    this.listen();
  }

  listen() {
    this.field.addEventListener("input", () => this.search());
    this.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("click", ({ target }) => this.pick(target.closest("button")));
    for (const type of ["focusin", "pointerover"]) {
      this.scroller.addEventListener(type, ({ target }) => this.name(target.closest("button")));
    }
    this.scroller.addEventListener("focusin", ({ target }) => choose(this.scroller, target));
    this.scroller.addEventListener("scroll", () => this.mark());
  }

  tones() {
    const row = make("div", { class: "emoji-panel__tones", role: "toolbar", "aria-label": "Skin tone" });
    for (const [name, tone] of Object.entries(emoji.TONES)) {
      const button = make("button", { type: "button", "aria-label": name, title: name }, SAMPLE + tone);
      button.addEventListener("click", () => this.setTone(tone));
      row.append(button);
    }
    toolbar(row);
    this.toneRow = row;
    return row;
  }

  /** Mark the tone that is remembered, and show all in it. */
  setTone(tone) {
    if (tone !== undefined) emoji.setTone(tone);
    for (const [index, each] of Object.values(emoji.TONES).entries()) {
      this.toneRow.children[index].ariaPressed = String(each === emoji.tone());
    }
    for (const cell of this.scroller.querySelectorAll("button")) grid.tint(cell);
  }

  /** Open beside `anchor`. `choose(emoji)` answers whether that was all; `closed` is called in the end. */
  async open(anchor, { choose, closed }) {
    this.close();
    Object.assign(this, { chosen: choose, closed, anchor });
    this.field.value = "";
    this.toggleAttribute("data-low", !anchor.closest(".composer"));
    this.stop = showBeside(this, anchor, () => this.close());
    this.setTone();
    if (!isTouch.matches) this.field.focus({ preventScroll: true });
    await this.fill();
    this.search();
    this.scroller.scrollTop = 0;
  }

  async fill() {
    try {
      this.groups ??= await emoji.load();
    } catch {
      this.said.textContent = "The emoji could not be loaded. Please try again.";
      return;
    }
    if (!this.all.hasChildNodes()) {
      this.all.append(grid.recent(this.groups), ...this.groups.map((group) => grid.section(group.name, group.emoji)));
      this.tabs.append(...this.groups.map((group, index) => this.tab(group, this.all.children[index + 1])));
      toolbar(this.tabs);
    } else this.all.firstElementChild.replaceWith(grid.recent(this.groups));
    choose(this.scroller, this.cells()[0]);
  }

  tab({ name, emoji: [{ sign }] }, section) {
    const button = make("button", { type: "button", "aria-label": name, title: name }, sign);
    button.addEventListener("click", () => {
      this.field.value = "";
      this.search();
      section.scrollIntoView({ block: "start" });
    });
    return button;
  }

  /** Mark the group that is being looked at. */
  mark() {
    const { top } = this.scroller.getBoundingClientRect();
    const sections = [...this.all.children].slice(1);
    const at = this.found.hidden ? sections.findLastIndex((each) => each.getBoundingClientRect().top <= top + 1) : -1;
    for (const [index, button] of [...this.tabs.children].entries()) button.ariaCurrent = String(index === Math.max(at, 0));
  }

  search() {
    const query = this.field.value.trim();
    if (!this.groups) return;
    this.all.hidden = Boolean(query);
    this.found.hidden = !query;
    this.said.textContent = "";
    if (query) {
      const found = emoji.search(this.groups, query);
      this.found.replaceChildren(grid.section("Found", found));
      this.said.textContent = found.length ? `${found.length} found` : "No emoji has this name";
    }
    this.scroller.scrollTop = 0;
    this.mark();
    choose(this.scroller, this.cells()[0]);
  }

  cells() {
    return grid.cells(this.found.hidden ? this.all : this.found);
  }

  name(cell) {
    if (cell) this.said.textContent = cell.title;
  }

  pick(cell) {
    if (!cell) return;
    emoji.used(cell.textContent);
    if (this.chosen(cell.textContent)) this.close();
  }

  key(event) {
    const { key, target, ctrlKey, metaKey, altKey, isComposing } = event;
    if (isComposing || ctrlKey || metaKey || altKey) return;
    const isCell = this.scroller.contains(target) && target.matches("button");
    if (key === "Escape") this.close();
    else if (target === this.field && key === "Enter") this.pick(this.cells()[0]);
    else if (target === this.field && key === "ArrowDown") this.cells()[0]?.focus();
    else if (isCell && grid.step(this.cells(), target, key)) grid.step(this.cells(), target, key).focus();
    else if (isCell && key === "ArrowUp") this.field.focus();
    else if (isCell && key.length === 1 && key !== " ") return this.field.focus(); // and this key goes there
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close() {
    if (!this.stop) return;
    const hadFocus = this.contains(document.activeElement);
    this.stop();
    this.stop = null;
    this.closed(hadFocus);
  }
}

customElements.define("emoji-panel", EmojiPanel);
let panel = null;

/** Open the panel beside `anchor`, or close it when it stands there; see `EmojiPanel.open`. */
export function openPanel(anchor, options) {
  if (panel?.stop && panel.anchor === anchor) return panel.close();
  if (!panel) document.body.append((panel = document.createElement("emoji-panel")));
  return panel.open(anchor, options);
}

onPane(() => panel?.close());
