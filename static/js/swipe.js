// A bubble that a finger draws towards the end of the line is answered.
const START = 14; // px until it is clear that it is no scroll
const FAR = 60;
const MOST = 84;
const swipe = { item: null, id: null, x: 0, y: 0, passed: 0, sign: null };

const direction = () => (getComputedStyle(swipe.item).direction === "rtl" ? -1 : 1);
const bubble = () => swipe.item.querySelector(".bubble");

function sign() {
  const element = document.createElement("span");
  element.className = "swipe";
  element.ariaHidden = "true";
  const { content } = document.getElementById("reply-sign");
  element.append(content.cloneNode(true));
  return element;
}

function move(passed) {
  swipe.passed = Math.min(Math.max(passed, 0), MOST);
  bubble().style.translate = `${swipe.passed * direction()}px`;
  swipe.sign.style.opacity = Math.min(1, swipe.passed / FAR);
  swipe.sign.toggleAttribute("data-far", swipe.passed >= FAR);
}

function begin() {
  swipe.sign = sign();
  swipe.item.dataset.swiped = "";
  swipe.item.prepend(swipe.sign);
}

function end(isDone) {
  const { item, passed } = swipe;
  if (swipe.sign) {
    delete item.dataset.swiped;
    bubble().style.removeProperty("translate");
    swipe.sign.remove();
    if (isDone && passed >= FAR) {
      navigator.vibrate?.(10);
      item.dispatchEvent(new CustomEvent("parley:reply", { bubbles: true }));
    }
  }
  Object.assign(swipe, { item: null, id: null, passed: 0, sign: null });
}

document.addEventListener("pointerdown", ({ pointerType, pointerId, isPrimary, target, clientX, clientY }) => {
  if (swipe.item) end(false);
  if (pointerType !== "touch" || !isPrimary || !getSelection().isCollapsed || target.closest("pre")) return;
  const item = target.closest(".conversation:not([data-selecting]) .message[data-seq]:not([data-deleted], [data-kind=note])");
  if (item && document.getElementById("reply")) Object.assign(swipe, { item, id: pointerId, x: clientX, y: clientY });
});

document.addEventListener("pointermove", ({ pointerId, clientX, clientY }) => {
  if (!swipe.item || pointerId !== swipe.id) return;
  const along = (clientX - swipe.x) * direction();
  if (swipe.sign) return move(along - START);
  if (Math.abs(clientY - swipe.y) > START || along < -START || !swipe.item.isConnected) return end(false);
  if (along > START) begin();
});

document.addEventListener("pointerup", ({ pointerId }) => pointerId === swipe.id && end(true));
document.addEventListener("pointercancel", ({ pointerId }) => pointerId === swipe.id && end(false));
