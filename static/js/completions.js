// What the composer offers to complete while one writes: emoji after ":", people after "@".
import { insert } from "./inserting.js";

const FIELD = ".composer__field";
const MOST = 8;

const offers = [];
const box = document.createElement("ul");
const count = document.createElement("p");
// What is open: { field, start, end, choices }, and the index of the one that is marked.
let shown = null;
let marked = 0;
let dismissed = null;
let asking = null;

/**
 * Offer completions in the composer.
 * `trigger` matches the text before the caret up to its end; its last group is what a choice takes the place of.
 * `find(typed, signal)` answers the choices, best first (or a promise of them), of which each is
 * `{ text, name, sign, note, isSure, taken }`: what is put in, and what is shown of it; `sign` may be an element. Only
 * `text` and `name` must be there. One that `isSure` goes in without being asked for; `taken` is called afterwards.
 */
export function offer({ label, trigger, find }) {
  offers.push({ label, trigger, find });
}

function close() {
  asking?.abort();
  if (!shown) return;
  for (const name of ["aria-activedescendant", "aria-controls"]) shown.field.removeAttribute(name);
  shown = null;
  box.remove();
  count.textContent = "";
}

function part(name, content) {
  const element = document.createElement("span");
  element.className = `completion__${name}`;
  element.append(content);
  return element;
}

function row({ sign, name, note }, index) {
  const item = document.createElement("li");
  Object.assign(item, { className: "completion", id: `completion-${index}`, role: "option" });
  if (sign) item.append(part("sign", sign));
  item.append(part("name", name));
  if (note) item.append(part("note", note));
  return item;
}

function mark(index) {
  marked = (index + shown.choices.length) % shown.choices.length;
  for (const [at, item] of [...box.children].entries()) item.ariaSelected = String(at === marked);
  shown.field.setAttribute("aria-activedescendant", `completion-${marked}`);
  box.children[marked].scrollIntoView({ block: "nearest" });
}

function show(label, field, start, end, choices) {
  if (choices[0].isSure) return take({ field, start, end }, choices[0]);
  shown = { field, start, end, choices };
  box.ariaLabel = label;
  box.replaceChildren(...choices.map(row));
  field.form.append(box, count);
  field.setAttribute("aria-controls", box.id);
  count.textContent = `${choices.length} ${choices.length === 1 ? "suggestion" : "suggestions"}`;
  mark(0);
}

function take({ field, start, end }, { text, taken }) {
  close();
  insert(field, text, start, end);
  close(); // what was put in completes nothing
  taken?.();
}

/** Look at what stands before the caret, and show what it may become. */
async function look(field) {
  close();
  const { selectionStart: end, selectionEnd, value } = field;
  if (end !== selectionEnd) return;
  const before = value.slice(0, end);
  const { signal } = (asking = new AbortController());
  for (const { label, trigger, find } of offers) {
    const typed = before.match(trigger)?.at(-1);
    const start = end - (typed?.length ?? 0);
    if (typed === undefined) continue;
    if (dismissed?.start === start && typed.startsWith(dismissed.typed)) continue;
    dismissed = null;
    const choices = (await find(typed, signal)).slice(0, MOST);
    if (signal.aborted || field.selectionEnd !== end || !field.value.startsWith(before)) return;
    if (choices.length) return show(label, field, start, end, choices);
  }
}

/** Whether the choice stands there already, so that Enter sends it. */
const isWritten = ({ field, start, end, choices }) => field.value.slice(start, end) === choices[marked].text.trim();

const KEYS = {
  ArrowDown: () => mark(marked + 1),
  ArrowUp: () => mark(marked - 1),
  Enter: () => take(shown, shown.choices[marked]),
  Tab: () => take(shown, shown.choices[marked]),
  Escape: () => {
    const { field, start, end } = shown;
    dismissed = { start, typed: field.value.slice(start, end) };
    close();
  },
};

Object.assign(box, { id: "completions", className: "completions", role: "listbox" });
Object.assign(count, { className: "visually-hidden", role: "status" });

function typed({ target, isComposing }) {
  if (!target.matches(FIELD) || isComposing) return;
  look(target);
}

for (const type of ["input", "compositionend"]) document.addEventListener(type, typed);

// Before the composer, where Enter sends.
document.addEventListener("keydown", (event) => {
  const { key, isComposing, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (!shown || isComposing || ctrlKey || metaKey || altKey || shiftKey) return;
  if (!shown.field.isConnected || event.target !== shown.field) return close();
  if (!KEYS[key]) return;
  if (key === "Enter" && isWritten(shown)) return close();
  event.preventDefault();
  event.stopImmediatePropagation();
  KEYS[key]();
}, { capture: true });

document.addEventListener("parley:outgoing", () => {
  dismissed = null;
  close();
});
document.addEventListener("compositionstart", close);
document.addEventListener("focusout", ({ target }) => target === shown?.field && close());
document.addEventListener("selectionchange", () => {
  if (shown && shown.field.selectionEnd !== shown.end) close(); // the caret went elsewhere
});
// The field keeps the focus, and with it the keyboard of a phone.
box.addEventListener("pointerdown", (event) => event.preventDefault());
box.addEventListener("click", ({ target }) => {
  const index = [...box.children].indexOf(target.closest(".completion"));
  if (index >= 0) take(shown, shown.choices[index]);
});
