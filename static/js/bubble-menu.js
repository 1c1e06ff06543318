// The menu of a bubble, or of a row of the list, by right click, menu key and long press: all follow the link that the bubble has.
const LONG = 500;
const SLIP = 10;
const press = { timer: 0, x: 0, y: 0, opened: false };

/** Follow the link of the row or bubble that `target` is in; false where there is none, or where text is selected. */
function open(target) {
  const reactions = target.closest(".reactions");
  if (reactions) {
    reactions.querySelector(".reactions__all").click();
    return true;
  }
  const row = target.closest("#chats > .row");
  row?.querySelector(".row__menu").click();
  if (row) return true;
  const link = target.closest(".conversation:not([data-selecting]) .message")?.querySelector(".bubble__menu");
  if (!link || target.closest("a:not(.bubble__menu)") || !getSelection().isCollapsed) return false;
  link.click();
  return true;
}

const release = () => clearTimeout(press.timer);

document.addEventListener("contextmenu", (event) => {
  release();
  if (press.opened || open(event.target)) event.preventDefault();
});

document.addEventListener("pointerdown", ({ pointerType, target, clientX, clientY }) => {
  release();
  Object.assign(press, { x: clientX, y: clientY, opened: false });
  if (pointerType === "touch") press.timer = setTimeout(() => { press.opened = open(target); }, LONG);
});

document.addEventListener("pointermove", ({ clientX, clientY }) => {
  if (Math.hypot(clientX - press.x, clientY - press.y) > SLIP) release();
});

for (const type of ["pointerup", "pointercancel", "scroll"]) document.addEventListener(type, release, { capture: true });

// The finger that is lifted after a long press does not press what came up beneath it.
document.addEventListener("click", (event) => {
  if (!press.opened || !event.isTrusted) return;
  press.opened = false;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });
