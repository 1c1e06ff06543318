// People of a group are offered after an @ while one writes.
import { offer } from "./completions.js";
import { get } from "./fragments.js";

const TRIGGER = /(?<![\p{L}\p{N}@/])(@[\p{L}\p{N}._-]{0,32})$/u;

function face({ initials, hue }) {
  const avatar = document.createElement("span");
  avatar.className = "avatar avatar--tiny";
  avatar.dataset.hue = hue;
  avatar.ariaHidden = "true";
  avatar.append(initials);
  return avatar;
}

const person = (each) => ({
  text: `@${each.username} `, name: each.display_name, note: `@${each.username}`, sign: face(each),
});

const everybody = { text: "@all ", name: "Everybody", note: "@all", sign: "@" };

/** The members whose name begins so, who spoke last first. */
async function find(typed, signal) {
  const conversation = document.querySelector('#conversation[data-kind="group"]');
  if (!conversation) return [];
  const query = new URLSearchParams({ q: typed.slice(1) });
  const response = await get(`/chats/${conversation.dataset.chat}/mentions?${query}`, { Accept: "application/json" }, signal);
  if (!response?.ok) return [];
  const { members, everybody: isAdmin } = await response.json();
  return [...members.map(person), ...(isAdmin ? [everybody] : [])];
}

offer({ label: "People", trigger: TRIGGER, find });
