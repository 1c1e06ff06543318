// What stands around the open conversation: its title is the document's, and what no revision tells of (who is in it,
// its timer, my stars) is asked for again after a gap.
import { get, parse } from "./fragments.js";
import { onPane, openChat } from "./page.js";

const HEADER = "#conversation > .topbar";
const MARKS = "#conversation > star-marks";
const NO_MESSAGES = 1e9; // that come after this one
const heading = () => document.querySelector(`${HEADER} h1`);
let isFirst = true;

const renamed = new MutationObserver(() => {
  if (heading()) document.title = `${heading().textContent.trim()} – Parley`;
});

function watch() {
  renamed.disconnect();
  if (heading()) renamed.observe(heading(), { subtree: true, childList: true, characterData: true });
}

/** Put a fresh element in the place of the one that is shown; answers whether there are both. */
function take(fresh, selector) {
  const [before, after] = [document, fresh].map((where) => where.querySelector(selector));
  if (!before || !after) return false;
  before.replaceWith(after);
  htmx.process(after);
  return true;
}

async function refresh() {
  const before = document.querySelector(HEADER);
  const response = before && (await get(`/chats/${openChat()}?after=${NO_MESSAGES}`));
  const fresh = response?.ok && (await parse(await response.text()));
  if (!fresh || !before.isConnected) return;
  take(fresh, MARKS);
  if (before.contains(document.activeElement) || !take(fresh, HEADER)) return;
  watch();
  document.dispatchEvent(new CustomEvent("parley:rows", { detail: {} }));
}

document.addEventListener("parley:open", () => {
  if (!isFirst) refresh();
  isFirst = false;
});

document.addEventListener("parley:whole", refresh);

onPane(watch);
watch();
