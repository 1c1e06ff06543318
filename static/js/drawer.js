// The column at the side, for what a chat is: opened by a swap, closed by its cross, by Esc, and with its chat.
import { get, parse } from "./fragments.js";
import { onPane, openChat } from "./page.js";

const drawer = document.getElementById("drawer");
let opener = null;
let chat = null;

export const isOpen = () => Boolean(drawer?.hasChildNodes());

export function close() {
  const hadFocus = drawer.contains(document.activeElement);
  drawer.replaceChildren();
  if (hadFocus) (opener?.isConnected ? opener : document.querySelector(".topbar__who"))?.focus();
}

function focus() {
  if (!isOpen() || drawer.contains(document.activeElement)) return;
  if (document.activeElement !== document.body) opener = document.activeElement;
  chat = openChat();
  drawer.querySelector("[data-close-drawer]")?.focus({ preventScroll: true });
}

/** What a group's members just did shows in its info, too. */
async function refresh() {
  const response = await get(`/chats/${chat}/info`);
  if (!response?.ok || !isOpen() || drawer.querySelector("details[open]")) return;
  const index = [...drawer.querySelectorAll("a, button, summary")].indexOf(document.activeElement);
  drawer.replaceChildren(...(await parse(await response.text())).childNodes);
  htmx.process(drawer);
  drawer.querySelectorAll("a, button, summary")[index]?.focus({ preventScroll: true });
}

if (drawer) {
  new MutationObserver(focus).observe(drawer, { childList: true });
  onPane(() => isOpen() && close());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close-drawer]") || !drawer.contains(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    close();
  }, { capture: true });
  for (const type of ["moved", "unmuted", "chat.row", "chat.role", "chat.left", "chat.joined", "chat.missed"]) {
    document.addEventListener(`parley:${type}`, ({ detail }) => {
      if (isOpen() && String(detail.chat) === chat && !detail.counts) refresh();
    });
  }
}
