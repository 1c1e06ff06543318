// A row of buttons as one stop of the Tab key, with arrow keys inside.

const FORTH = { ltr: "ArrowRight", rtl: "ArrowLeft" };
const BACK = { ltr: "ArrowLeft", rtl: "ArrowRight" };

const buttons = (row) => [...row.querySelectorAll("button")];

/** Make `chosen` the one that Tab reaches. */
export function choose(row, chosen) {
  for (const button of buttons(row)) button.tabIndex = button === chosen ? 0 : -1;
}

/** Let the arrow keys go through the buttons of `row`. */
export function toolbar(row, first = buttons(row)[0]) {
  choose(row, first);
  row.addEventListener("focusin", ({ target }) => choose(row, target));
  row.addEventListener("keydown", (event) => {
    const all = buttons(row);
    const { direction } = getComputedStyle(row);
    const at = all.indexOf(event.target);
    const to = { [FORTH[direction]]: at + 1, [BACK[direction]]: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  });
}
