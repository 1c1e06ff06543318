// <pin-banner>: what is pinned in the open chat, one at a time. A press leads to it, and shows the next one then.
import { hold } from "./anchor.js";
import { Asking } from "./asking.js";
import { get, parse } from "./fragments.js";

class PinBanner extends HTMLElement {
  connectedCallback() {
    this.life = new AbortController();
    const { signal } = this.life;
    const on = (type, then) =>
      document.addEventListener(`parley:${type}`, ({ detail }) => String(detail.chat) === this.dataset.chat && then(), { signal });
    this.asking = new Asking((aborted) => this.refresh(aborted));
    for (const type of ["chat.pins", "chat.cleared", "chat.missed"]) on(type, () => this.asking.soon());
    on("chat.row", () => this.pins.length && this.asking.soon()); // I may have hidden one of them
    this.addEventListener("click", (event) => this.clicked(event), { capture: true, signal });
    this.addEventListener("focusin", ({ target }) => this.show(target.closest(".pin")), { signal });
    this.changes = new MutationObserver(() => this.settle());
    this.changes.observe(this.list, { childList: true });
    const shown = this.parentElement.querySelector(".messages__list");
    if (Number(shown.dataset.revision) > Number(this.dataset.revision)) this.asking.soon(); // heard before this script came
  }

  disconnectedCallback() {
    this.life.abort();
    this.changes.disconnect();
  }

  get list() {
    return this.querySelector(".pins__list");
  }

  get pins() {
    return [...this.list.children];
  }

  get current() {
    return this.pins.find((pin) => "current" in pin.dataset);
  }

  show(pin) {
    if (!pin) return;
    for (const each of this.pins) each.toggleAttribute("data-current", each === pin);
  }

  /** After pins have come or gone. Where the banner does, what is read stays in its place. */
  settle() {
    if (!this.current) this.show(this.pins[0]);
    if (this.hidden === !this.pins.length) return;
    const release = hold(this.parentElement.querySelector(".messages__scroll"));
    this.hidden = !this.hidden;
    release();
  }

  async refresh(signal) {
    const response = await get(`/chats/${this.dataset.chat}/pins/banner`, {}, signal);
    if (!response || response.status >= 500) return false;
    const html = response.ok && (await response.text().catch(() => null));
    const fresh = html && (await parse(html)).querySelector(".pins__list");
    if (fresh && !signal.aborted && this.isConnected) this.take(fresh);
    return html !== null;
  }

  /** Show other pins; the one that was shown stays, unless there is a later one. */
  take(fresh) {
    const seq = (pin) => link(pin)?.dataset.seq;
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.seq : null;
    const isLater = seq(fresh.firstElementChild) !== seq(this.pins[0]);
    const shown = isLater ? null : seq(this.current);
    this.list.replaceChildren(...fresh.children);
    const find = (wanted) => this.pins.find((pin) => seq(pin) === wanted);
    this.show(find(shown) ?? this.pins[0]);
    if (focused) (link(find(focused)) ?? link(this.pins[0]) ?? document.querySelector(".composer__field"))?.focus({ preventScroll: true });
  }

  clicked(event) {
    const pin = event.target.closest(".pin");
    if (!pin || isForAnotherTab(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.lead(link(pin));
    const next = pin.nextElementSibling ?? this.pins[0];
    this.show(next);
    if (this.list.contains(document.activeElement)) link(next).focus();
  }

  lead({ dataset: { seq } }) {
    this.parentElement.querySelector("message-list").jump(Number(seq));
  }
}

const isForAnotherTab = ({ ctrlKey, metaKey, shiftKey }) => ctrlKey || metaKey || shiftKey;
const link = (pin) => pin?.querySelector(".pin__link");

customElements.define("pin-banner", PinBanner);

// So does the list of all of them, once it is closed and the focus is back.
document.addEventListener("click", (event) => {
  const chosen = event.target.closest("#sheet .pinned__link");
  const banner = document.querySelector("pin-banner");
  if (!chosen || !banner || isForAnotherTab(event)) return;
  event.preventDefault();
  event.stopPropagation();
  const sheet = chosen.closest("dialog");
  sheet.addEventListener("close", () => banner.lead(chosen), { once: true });
  sheet.close();
}, { capture: true });
