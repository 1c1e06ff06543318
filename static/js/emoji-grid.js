// Emoji as grids of buttons, and the arrow keys in them.
import { make } from "./elements.js";
import { recent as used, toned } from "./emoji.js";

const COLUMNS = 8;
const known = new WeakMap();
let count = 0;

/** Show a cell's emoji in the skin tone that was chosen. */
export function tint(cell) {
  const text = known.has(cell) ? toned(known.get(cell)) : cell.textContent;
  if (cell.textContent !== text) cell.textContent = text;
}

function cell(emoji, text = toned(emoji)) {
  const title = `${emoji.name} :${emoji.codes[0]}:`;
  return make("button", { type: "button", role: "gridcell", tabindex: "-1", "aria-label": emoji.name, title }, text);
}

function toneable(emoji) {
  const button = cell(emoji);
  if (emoji.hasTones) known.set(button, emoji);
  return button;
}

function titled(name, cells) {
  const id = `emoji-group-${++count}`;
  const grid = make("div", { role: "grid", "aria-labelledby": id });
  for (let at = 0; at < cells.length; at += COLUMNS) {
    grid.append(make("div", { role: "row", class: "emoji-panel__row" }, ...cells.slice(at, at + COLUMNS)));
  }
  const section = make("section", { class: "emoji-panel__section" }, make("h2", { id }, name));
  if (cells.length) section.append(grid);
  section.hidden = !cells.length;
  section.style.containIntrinsicBlockSize = `auto ${2 + Math.ceil(cells.length / COLUMNS) * 2.75}rem`;
  return section;
}

/** A heading with the grid of some emoji. */
export const section = (name, emoji) => titled(name, emoji.map(toneable));

/** The section of those used last, in the very tones in which they were. */
export function recent(groups) {
  const all = new Map(groups.flatMap(({ emoji }) => emoji.map((each) => [each.sign, each])));
  const plain = (text) => all.get(text) ?? all.get(text.replace(/[🏻-🏿]/gu, "")) ?? all.get(text.replace(/[🏻-🏿]/gu, "\ufe0f"));
  return titled("Used last", used().flatMap((text) => (plain(text) ? [cell(plain(text), text)] : [])));
}

export const cells = (place) => [...place.querySelectorAll("section:not([hidden]) button")];

/** The cell that a key leads to from another, or undefined. */
export function step(cells, from, key) {
  const at = cells.indexOf(from);
  const { direction } = getComputedStyle(from);
  const [forth, back] = direction === "rtl" ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
  const row = from.parentNode;
  if (key === forth) return cells[at + 1];
  if (key === back) return cells[at - 1];
  if (key === "Home") return row.firstElementChild;
  if (key === "End") return row.lastElementChild;
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  const rows = [...new Set(cells.map((each) => each.parentNode))];
  const next = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
  return next?.children[Math.min([...row.children].indexOf(from), next.children.length - 1)];
}
