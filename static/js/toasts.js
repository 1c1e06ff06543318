// Short notes at the edge of the page, above all what went wrong.
import { parse } from "./fragments.js";

const STAY = 6000;
const MOST = 3;
const UNREACHABLE = "Parley cannot be reached. Please check your connection and try again.";

/** Show a sentence for a while; `tone` "error" for what went wrong. */
export function toast(sentence, tone = "") {
  const place = document.getElementById("toasts");
  for (const shown of [...place.children]) if (shown.textContent === sentence) shown.remove();
  while (place.children.length >= MOST) place.firstElementChild.remove();
  const note = document.createElement("p");
  note.className = "toast";
  note.dataset.tone = tone;
  note.textContent = sentence;
  place.append(note);
  // What lies above the page, as a dialog does, lies there in the order in which it was shown.
  if (place.matches(":popover-open")) place.hidePopover();
  if (document.querySelector("dialog[open]")) place.showPopover();
  setTimeout(() => note.remove(), STAY);
}

/** The sentence of a refusal, from the page or the problem that the server answered with. */
async function sentence({ text, response }) {
  const isProblem = response.headers.get("Content-Type")?.includes("json");
  const found = isProblem ? JSON.parse(text).detail : (await parse(text)).querySelector(".blank p")?.textContent;
  return found || "That did not work. Please try again.";
}

document.addEventListener("htmx:response:error", async ({ detail: { ctx } }) => {
  const { status } = ctx.response;
  const isShown = status === 422 || ctx.sourceElement.hasAttribute(`hx-status:${status}`);
  if (status !== 401 && !isShown) toast(await sentence(ctx), "error");
});

document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && !ctx.response) toast(UNREACHABLE, "error");
});

document.addEventListener("parley:refused", ({ detail }) => {
  if (detail.of !== "message.send") toast(detail.message, "error");
});
