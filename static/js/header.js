// The open conversation's header: its title is the document's, and a group's is asked for again after a gap.
import { get, parse } from "./fragments.js";
import { onPane, openChat } from "./page.js";

const HEADER = "#conversation > .topbar";
const heading = () => document.querySelector(`${HEADER} h1`);
let isFirst = true;

const renamed = new MutationObserver(() => {
  if (heading()) document.title = `${heading().textContent.trim()} – Parley`;
});

function watch() {
  renamed.disconnect();
  if (heading()) renamed.observe(heading(), { subtree: true, childList: true, characterData: true });
}

async function refresh() {
  const before = document.querySelector(`#conversation[data-kind="group"] > .topbar`);
  const response = before && (await get(`/chats/${openChat()}`));
  const fresh = response?.ok && (await parse(await response.text())).querySelector(HEADER);
  if (!fresh || !before.isConnected || before.contains(document.activeElement)) return;
  before.replaceWith(fresh);
  htmx.process(fresh);
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
