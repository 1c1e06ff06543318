// What opens beside something: a small bar, a panel. It stays on the screen, and goes when one presses elsewhere.
const GAP = 6;
const MARGIN = 8;

/** Put `box`, which is fixed, above or below `anchor`, where there is room. */
function settle(box, anchor) {
  const { top, bottom, left, right } = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = box;
  const start = getComputedStyle(box).direction === "rtl" ? right - width : left;
  const isRoomAbove = top - height - GAP >= MARGIN;
  const y = isRoomAbove ? top - height - GAP : bottom + GAP;
  box.style.left = `${Math.max(MARGIN, Math.min(start, innerWidth - width - MARGIN))}px`;
  box.style.top = `${Math.max(MARGIN, Math.min(y, innerHeight - height - MARGIN))}px`;
}

/** Show `box` beside `anchor`; `left` is called once somebody presses elsewhere. Answers how to stop it. */
export function showBeside(box, anchor, left) {
  const life = new AbortController();
  const { signal } = life;
  const isWithin = ({ target }) => box.contains(target) || anchor.contains(target);
  box.hidden = false;
  settle(box, anchor);
  document.addEventListener("pointerdown", (event) => isWithin(event) || left(), { capture: true, signal });
  addEventListener("resize", () => (anchor.isConnected ? settle(box, anchor) : left()), { signal });
  return () => {
    life.abort();
    box.hidden = true;
  };
}
