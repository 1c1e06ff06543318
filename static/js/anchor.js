// Keeps what is being read where it is on the screen while the list around it changes.
const NEAR = 100; // px from the bottom that still count as being there
const SPARE = 5;
const ENOUGH = 40; // px of a message that count as having seen it

const left = new WeakMap();

export const isAtBottom = (scroller) => Math.abs(scroller.scrollTop) <= NEAR;

/** The place of the first message of which `isIt` holds; it must hold of all after that, too. */
function find(messages, isIt) {
  let from = 0;
  let to = messages.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isIt(messages[middle].getBoundingClientRect())) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** The first message that can be seen, at least in part. */
export function firstSeen(scroller) {
  const { top } = scroller.getBoundingClientRect();
  const messages = scroller.querySelectorAll(".message");
  return messages[find(messages, ({ bottom }) => bottom > top + 1)] ?? null;
}

/** The seq of the last message that can be seen. */
export function lastSeen(scroller) {
  const { bottom } = scroller.getBoundingClientRect();
  const messages = scroller.querySelectorAll(".message[data-seq]");
  const unseen = find(messages, ({ top, height }) => top + Math.min(height / 2, ENOUGH) > bottom);
  return Number(messages[unseen - 1]?.dataset.seq ?? 0);
}

/** Remember what is seen; the answer is a function that brings it back to where it was. */
export function hold(scroller, first = firstSeen(scroller)) {
  // Browsers scroll by whole pixels. What is left over is made good the next time, or it would add up.
  const { at, rest } = left.get(scroller) ?? {};
  const debt = at === scroller.scrollTop ? rest : 0;
  const seen = [];
  for (let item = first; item && seen.length < SPARE; item = item.nextElementSibling) {
    if (item.id) seen.push([item.id, item.getBoundingClientRect().top - debt]);
  }
  return () => {
    const [id, top] = seen.find(([id]) => document.getElementById(id)) ?? [];
    if (!id) return;
    const passed = () => document.getElementById(id).getBoundingClientRect().top - top;
    scroller.scrollTop += passed();
    left.set(scroller, { at: scroller.scrollTop, rest: passed() });
  };
}

/** Scroll so that an element's top stands at a share of the height. */
export function show(scroller, element, share) {
  const { top, height } = scroller.getBoundingClientRect();
  scroller.scrollTop += element.getBoundingClientRect().top - top - height * share;
}
