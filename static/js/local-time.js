// <local-time>: a moment that the server wrote in its zone, refined to the reader's zone and habits.

const page = document.documentElement.lang || "en";
// Words stay in the page's language; the clock and plain dates follow the reader.
const words = navigator.languages.find((tag) => tag.startsWith(page)) ?? "en-GB";
const format = (locale, options) => new Intl.DateTimeFormat(locale, options);

const CLOCK = format(undefined, { timeStyle: "short" });
const WEEKDAY = format(words, { weekday: "long" });
const SHORT_WEEKDAY = format(words, { weekday: "short" });
const DATE = format(words, { day: "numeric", month: "long", year: "numeric" });
const SHORT_DATE = format(undefined, { day: "2-digit", month: "2-digit", year: "numeric" });
const FULL_DATE = format(words, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const SECONDS = format(undefined, { timeStyle: "medium" });

const DAY = 86_400_000;
const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate());
const daysAgo = (at) => Math.round((midnight(new Date()) - midnight(at)) / DAY);

/** "Today", "Yesterday", the weekday within a week, else the date. */
export function day(at, weekday = WEEKDAY, date = DATE) {
  const days = daysAgo(at);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (days > 1 && days < 7 ? weekday : date).format(at);
}

const FORMS = {
  clock: (at) => CLOCK.format(at),
  day: (at) => day(at),
  listtime: (at) => (daysAgo(at) === 0 ? CLOCK.format(at) : day(at, SHORT_WEEKDAY, SHORT_DATE)),
  lastseen: (at) => `${[0, 1].includes(daysAgo(at)) ? day(at).toLowerCase() : day(at)} at ${CLOCK.format(at)}`,
};

function refine(time) {
  const at = new Date(time.dateTime);
  if (!time.dateTime || Number.isNaN(at.getTime())) return;
  const text = (FORMS[time.dataset.form] ?? FORMS.clock)(at);
  const title = `${FULL_DATE.format(at)}, ${SECONDS.format(at)}`;
  if (time.textContent !== text) time.textContent = text;
  if (time.title !== title) time.title = title;
}

// Swaps that keep elements bring the server's words back into them.
const changes = new MutationObserver((records) => {
  for (const host of new Set(records.map(({ target }) => (target.closest ? target : target.parentElement)?.closest("local-time")))) {
    host?.refine();
  }
});

class LocalTime extends HTMLElement {
  connectedCallback() {
    this.refine();
    changes.observe(this, { subtree: true, childList: true, characterData: true, attributeFilter: ["datetime"] });
  }

  refine() {
    const time = this.querySelector("time");
    if (time) refine(time);
  }
}

customElements.define("local-time", LocalTime);

let today = midnight(new Date()).getTime();

/** "Today" becomes "Yesterday"; also after the machine slept over midnight. */
function turnDay() {
  const now = midnight(new Date()).getTime();
  if (now === today) return;
  today = now;
  for (const host of document.querySelectorAll("local-time")) host.refine();
  document.dispatchEvent(new CustomEvent("parley:midnight"));
}

setInterval(turnDay, 10_000);
document.addEventListener("visibilitychange", turnDay);
