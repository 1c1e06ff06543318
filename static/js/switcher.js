// Ctrl+K: a dialog that goes to a chat or a person: type, arrows, Enter. What it lists is asked of the page /switch.
const dialog = document.getElementById("switcher");
const field = () => dialog.querySelector("input");
const places = () => [...dialog.querySelectorAll("#places :is(a, button)")];
let isWanted = false; // the first place, before the answer is here

function open() {
  const page = document.querySelector("#pane .switch-page input");
  if (page) return page.focus();
  const list = document.createElement("div");
  list.id = "places";
  dialog.querySelector("#places")?.remove();
  dialog.append(list);
  field().value = "";
  isWanted = false;
  dialog.showModal();
  field().focus();
  htmx.trigger(dialog.querySelector("form"), "ask", {}, false);
}

function choose() {
  isWanted = dialog.querySelector("#places").dataset.asked !== field().value.trim();
  if (!isWanted) places()[0]?.click();
}

function move(by) {
  const all = [field(), ...places()];
  all[(all.indexOf(document.activeElement) + by + all.length) % all.length]?.focus();
}

function pressed(event) {
  const isField = event.target === field();
  if (event.isComposing) return;
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && isField) choose();
  else return;
  event.preventDefault();
}

if (dialog) {
  dialog.addEventListener("keydown", pressed);
  dialog.addEventListener("click", ({ target }) => target.closest("#places a") && dialog.close());
  dialog.addEventListener("submit", ({ target }) => target.closest("#places") && dialog.close());
  new MutationObserver(() => isWanted && dialog.open && choose()).observe(dialog, { childList: true });
  document.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (key.toLowerCase() !== "k" || !(ctrlKey || metaKey) || altKey || shiftKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) open();
  });
}
