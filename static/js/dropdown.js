// A small menu behind a button (details.dropdown): Esc, a choice beside it, or leaving it closes it.

const open = () => document.querySelector("details.dropdown[open]");

function close(menu) {
  menu.open = false;
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !open()) return;
  event.preventDefault();
  close(open());
}, { capture: true });

for (const type of ["pointerdown", "focusin"]) {
  document.addEventListener(type, ({ target }) => {
    if (open() && !open().contains(target)) open().open = false;
  });
}
