// Messages that disappear go when they are due, in the conversation and in the list, whoever is online: one timer waits
// for the first of them.
import { learn, present } from "./clock.js";
import { end } from "./reply.js";
import { hear, refresh } from "./rows.js";

const SOON = 1000;
const LONGEST = 86_400_000; // timers take no more than 24 days

let waiting = 0;

const expiring = () => [...document.querySelectorAll("[data-expires]")];
const time = (element) => Date.parse(element.dataset.expires);

/** Take messages out of their list, where nothing else moves. */
function remove(items) {
  items[0].parentNode.dispatchEvent(new CustomEvent("parley:placing", { bubbles: true, detail: { arrived: false } }));
  const hadFocus = items.some((item) => item.contains(document.activeElement));
  for (const item of items) item.remove();
  if (hadFocus) document.querySelector(".composer__field")?.focus({ preventScroll: true });
}

/** Show nothing of it in the list, also while nobody can say what stands there instead. */
function blank(moving) {
  const { chat } = moving.closest(".row").dataset;
  moving.querySelector(".row__text").textContent = "";
  delete moving.dataset.expires;
  hear(chat);
  refresh(chat);
}

function drop() {
  const due = expiring().filter((element) => time(element) <= present());
  const items = due.filter((element) => element.matches(".messages__list > .message"));
  if (items.length) remove(items);
  for (const moving of due) if (moving.matches(".row__moving")) blank(moving);
  for (const pin of due) if (pin.matches(".pin")) pin.remove();
  if (due.some((element) => element.matches("#reply *"))) end("The message you were replying to has disappeared.");
}

function wait() {
  clearTimeout(waiting);
  waiting = 0;
  if (present() === null) return;
  drop();
  const first = Math.min(...expiring().map(time));
  if (first < Infinity) waiting = setTimeout(wait, Math.min(LONGEST, Math.max(SOON, first - present())));
}

let soon = 0;

/** There may be another that is the first. */
function look() {
  soon ||= setTimeout(() => {
    soon = 0;
    wait();
  }, SOON);
}

document.addEventListener("parley:chat.expired", ({ detail }) => learn(detail.at));
document.addEventListener("parley:clock", () => {
  wait();
  look();
});
document.addEventListener("visibilitychange", wait);
for (const type of ["placed", "moved", "rows"]) document.addEventListener(`parley:${type}`, look);
wait();
