// Who is typing where: said in the row, in the header and by the dots at the end, and forgotten by itself.
import { me, onPane } from "./page.js";
import { find, moving, seq } from "./rows.js";

const FORGET = 6000;
const typing = new Map();

/** The newest message that the row of a chat shows. */
const latest = (chat) => (find(chat) ? seq(find(chat)) : Infinity);
const people = (chat) => typing.get(chat) ?? new Map();
const isDirect = (chat) => Boolean(document.querySelector(`:is(.row, #conversation)[data-chat="${chat}"][data-kind="direct"]`));

function name(person) {
  const element = document.createElement("bdi");
  element.textContent = person.name;
  return element;
}

/** The words, with each name as an element of its own, so that its direction stays inside. */
function words(chat) {
  const [first, second, third] = people(chat).values();
  if (!first) return [];
  if (isDirect(chat)) return ["typing…"];
  if (third) return [`${people(chat).size} people are typing…`];
  return second ? [name(first), " and ", name(second), " are typing…"] : [name(first), " is typing…"];
}

function show(chat) {
  for (const line of document.querySelectorAll(`[data-typing="${chat}"]`)) line.replaceChildren(...words(chat));
  for (const dots of document.querySelectorAll(`[data-typing-line="${chat}"]`)) dots.hidden = !people(chat).size;
}

function stop(chat, user) {
  const person = people(chat).get(user);
  if (!person) return;
  clearTimeout(person.timer);
  people(chat).delete(user);
  show(chat);
}

document.addEventListener("parley:typing", ({ detail: { chat, user, name, on } }) => {
  if (user === me) return;
  clearTimeout(people(chat).get(user)?.timer);
  if (!on) return stop(chat, user);
  const timer = setTimeout(stop, FORGET, chat, user);
  typing.set(chat, people(chat).set(user, { name, timer, after: latest(chat) }));
  show(chat);
});

document.addEventListener("parley:moved", ({ detail: { chat, sender } }) => stop(chat, sender));

/** A row that was asked for may show a message that no frame told of. */
function said(chat) {
  const sender = find(chat) && Number(moving(find(chat)).dataset.sender);
  if (latest(chat) > people(chat).get(sender)?.after) stop(chat, sender);
}

const showAll = () => typing.forEach((_, chat) => show(chat));
document.addEventListener("parley:rows", () => {
  typing.forEach((_, chat) => said(chat));
  showAll();
});
onPane(showAll);
