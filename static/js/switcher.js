// Ctrl+K: a dialog that goes to a chat or a person: type, arrows, Enter. Its content is the page /switch.
import { get, parse } from "./fragments.js";

const shell = document.querySelector(".shell");
const dialog = document.createElement("dialog");
dialog.className = "sheet switcher";
dialog.ariaLabel = "Go to a chat";

const field = () => dialog.querySelector("input");
const places = () => [...dialog.querySelectorAll("#places :is(a, button)")];

async function open() {
  const { title } = document;
  const response = await get("/switch");
  if (!response?.ok || dialog.open) return;
  const page = await parse(await response.text());
  document.title = title;
  dialog.replaceChildren(...page.querySelectorAll(".page"));
  htmx.process(dialog);
  dialog.showModal();
  field().focus();
}

function move(by) {
  const all = [field(), ...places()];
  all[(all.indexOf(document.activeElement) + by + all.length) % all.length]?.focus();
}

function pressed(event) {
  const isField = event.target === field();
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter" && isField && !event.isComposing) places()[0]?.click();
  else if (event.key.length === 1 && !isField && event.key !== " " && !event.ctrlKey && !event.metaKey) return field().focus();
  else return;
  event.preventDefault();
}

if (shell) {
  shell.append(dialog);
  dialog.addEventListener("keydown", pressed);
  dialog.addEventListener("click", ({ target }) => target.closest("#places a") && dialog.close());
  dialog.addEventListener("submit", ({ target }) => target.closest("#places") && dialog.close());
  document.addEventListener("keydown", (event) => {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
    if (key.toLowerCase() !== "k" || !(ctrlKey || metaKey) || altKey || shiftKey) return;
    event.preventDefault();
    if (!document.querySelector("dialog[open]")) open();
  });
}
