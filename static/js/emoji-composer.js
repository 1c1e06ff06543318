// Emoji in the composer: its button, and ":smi" as one writes.
import { offer } from "./completions.js";
import { openPanel } from "./emoji-panel.js";
import { load, search, toned, used } from "./emoji.js";
import { insert, put } from "./inserting.js";

const isTouch = matchMedia("(hover: none) and (pointer: coarse)");

/** Write an emoji into the field. The focus stays where it is, and a phone’s keyboard away. */
function write(field, emoji) {
  if (isTouch.matches) return put(field, emoji);
  const { activeElement } = document;
  insert(field, emoji);
  activeElement.focus({ preventScroll: true });
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest(".composer__emoji");
  if (!button) return;
  const field = button.form.elements.body;
  openPanel(button, {
    choose: (emoji) => write(field, emoji),
    closed: (hadFocus) => hadFocus && (isTouch.matches ? button : field).focus({ preventScroll: true }),
  });
});

async function find(typed) {
  const code = typed.replaceAll(":", "");
  const groups = await load().catch(() => []);
  const found = search(groups, code);
  const isSure = typed.endsWith(":");
  const choices = isSure ? found.filter(({ codes }) => codes.includes(code.toLowerCase())).slice(0, 1) : found;
  return choices.map((each) => {
    const text = toned(each);
    return { text, sign: text, name: each.name, note: `:${each.codes[0]}:`, isSure, taken: () => used(text) };
  });
}

offer({ label: "Emoji", trigger: /(?:^|[\s(])(:[a-z0-9_+-]{2,}:?)$/i, find });
