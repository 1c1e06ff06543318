// What one has begun to write: kept in the tab with every key, on the server soon after, there for all devices.
import { base, me } from "./page.js";
import { post } from "./post.js";

const PAUSE = 600;
const EXCERPT = 200; // so much of a draft is told to other pages
const key = (chat) => `parley:draft:${me}:${chat}`;

async function fetchDraft(chat) {
  const answer = await fetch(`${base}/chats/${chat}`, { headers: { Accept: "application/json" } }).catch(() => null);
  return answer?.ok ? (await answer.json()).draft : null;
}

export class Draft {
  constructor(chat, field) {
    Object.assign(this, { chat, field, saved: field.value, timer: null, busy: false, touched: false });
    const unsaved = sessionStorage.getItem(key(chat));
    if (unsaved === null) return;
    field.value = unsaved;
    this.later();
  }

  /** Somebody wrote here. */
  change() {
    this.touched = true;
    sessionStorage.setItem(key(this.chat), this.field.value);
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  get isSaved() {
    return this.field.value.trim() === this.saved?.trim();
  }

  async save() {
    if (this.busy || this.isSaved) return;
    this.busy = true;
    const body = this.field.value;
    const response = await post(`/chats/${this.chat}/draft`, { body });
    this.busy = false;
    if (!response?.ok) return;
    this.stored(body);
    if (!this.isSaved) this.later();
  }

  /** The server has this text. */
  stored(body) {
    this.saved = body;
    if (this.isSaved) sessionStorage.removeItem(key(this.chat));
  }

  /** The page goes away, or another chat comes. */
  async leave() {
    clearTimeout(this.timer);
    if (this.isSaved) return;
    const body = this.field.value;
    const response = await post(`/chats/${this.chat}/draft`, { body }, { keepalive: true });
    if (response?.ok) this.stored(body);
  }

  /** The text is on its way as a message; the server forgets the draft when it gets that. */
  sent() {
    clearTimeout(this.timer);
    sessionStorage.removeItem(key(this.chat));
    this.touched = false;
    this.saved = "";
  }

  /** A message arrived at the server, and the draft with it went; what was written since is to be kept anew. */
  cleared() {
    this.saved = "";
    if (!this.isSaved) this.later();
  }

  /** A message was given up; the draft that it began as shall go, too. */
  forget() {
    this.saved = null;
    this.save();
  }

  /** Another device wrote on. Who has written here goes first. */
  async adopt(body) {
    if (this.touched) return;
    const whole = [...body].length < EXCERPT ? body : await fetchDraft(this.chat);
    if (this.touched || whole === null) return;
    this.field.value = whole;
    this.stored(whole);
  }
}
