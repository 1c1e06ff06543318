// Date chips: one wherever the reader's calendar day changes, and one that floats while scrolling.
import { day } from "./local-time.js";
import { firstSeen } from "./anchor.js";

const FADE = 1000;
const dates = new WeakMap();

function dateOf(item) {
  const known = dates.get(item);
  if (known?.at === item.dataset.at) return known.date;
  const date = new Date(item.dataset.at).toDateString();
  dates.set(item, { at: item.dataset.at, date });
  return date;
}

function chip(item) {
  const chip = document.createElement("li");
  chip.className = "day";
  const time = document.createElement("time");
  time.dateTime = item.dataset.at;
  time.dataset.form = "day";
  time.textContent = day(new Date(item.dataset.at));
  const local = document.createElement("local-time");
  local.append(time);
  const span = document.createElement("span");
  span.append(local);
  chip.append(span);
  return chip;
}

/** Put chips where days change, take away those that stand elsewhere. */
export function settle(list) {
  let date = null;
  let standing = [];
  for (const item of [...list.children]) {
    if (item.matches(".day")) standing.push(item);
    if (!item.matches(".message")) continue;
    const isNew = dateOf(item) !== date;
    date = dateOf(item);
    const right = isNew && standing.find((each) => new Date(each.querySelector("time").dateTime).toDateString() === date);
    for (const each of standing) if (each !== right) each.remove();
    if (isNew && !right) {
      const before = item.previousElementSibling?.matches(".divider") ? item.previousElementSibling : item;
      before.before(chip(item));
    }
    standing = [];
  }
  for (const each of standing) each.remove();
}

/** Show the day of what is read, and fade soon after the scrolling stops. */
export function float(element, scroller) {
  let above = firstSeen(scroller);
  while (above && !above.matches(".day")) above = above.previousElementSibling;
  if (!above) return;
  const text = above.textContent.trim();
  if (element.textContent !== text) element.textContent = text;
  element.dataset.shown = "";
  clearTimeout(element.fading);
  element.fading = setTimeout(() => delete element.dataset.shown, FADE);
}
