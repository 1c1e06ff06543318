// Pieces of HTML that scripts ask for. htmx turns them into elements, under its Trusted Types policy.
import { learn } from "./clock.js";
import { base } from "./page.js";

/** The response to a GET of ours, or null when the network fails. */
export async function get(path, headers = {}, signal = undefined) {
  try {
    const response = await fetch(base + path, { headers: { "HX-Request": "true", Accept: "text/html", ...headers }, signal });
    learn(response.headers.get("Date"));
    return response;
  } catch {
    return null;
  }
}

/** HTML as elements that are not in the page. */
export async function parse(html) {
  const holder = document.createElement("div");
  await htmx.swap({ text: html, target: holder, swap: "innerHTML ignoreTitle:true", sourceElement: document.body, transition: false });
  return holder;
}

/** Bring `element` (in the page or not) before `next`, without losing focus where browsers can. */
export function move(parent, element, next) {
  if (element.nextElementSibling === next && element.parentNode === parent) return;
  if (element.isConnected && parent.moveBefore) parent.moveBefore(element, next);
  else parent.insertBefore(element, next);
}
