// Say whether this page is looked at; show who else is here.
import { get } from "./fragments.js";
import { send } from "./live.js";

// What was told since the socket opened: it is newer than any row that arrives.
const told = new Map();

const say = () => send({ type: document.visibilityState === "visible" ? "presence.here" : "presence.away" });

/** "last seen today at 14:05", whose words <local-time> finds. */
function lastSeen(at) {
  const moment = document.createElement("local-time");
  const time = document.createElement("time");
  time.dateTime = at;
  time.dataset.form = "lastseen";
  moment.append(time);
  return ["last seen ", moment];
}

function show({ user, online, at }) {
  for (const avatar of document.querySelectorAll(`[data-presence-of="${user}"]`)) avatar.toggleAttribute("data-online", online);
  for (const line of document.querySelectorAll(`[data-presence-text="${user}"]`)) {
    line.replaceChildren(...(online ? ["online"] : at ? lastSeen(at) : []));
  }
}

/** Ask about those whose words are on the page: nobody told us what happened while we did not hear all. */
async function ask() {
  told.clear();
  const users = new Set([...document.querySelectorAll("[data-presence-text]")].map((line) => line.dataset.presenceText));
  for (const user of users) {
    const response = await get(`/users/${user}`, { Accept: "application/json" });
    if (!response?.ok) continue;
    const { online, last_seen_at: at } = await response.json();
    show({ user, online, at });
  }
}

document.addEventListener("parley:presence", ({ detail }) => {
  told.set(detail.user, detail);
  show(detail);
});
document.addEventListener("parley:rows", () => told.forEach(show));
document.addEventListener("parley:open", () => {
  say();
  ask();
});
document.addEventListener("parley:whole", ask);
document.addEventListener("visibilitychange", say);
