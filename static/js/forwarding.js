// Lets no more chats be chosen than it may be, and says where messages were forwarded to, once they are there.
import { toast } from "./toasts.js";

const sheet = document.getElementById("sheet");

function told(form) {
  const chosen = form.querySelectorAll("[name=chats]:checked");
  if (chosen.length > 1) return `Forwarded to ${chosen.length} chats`;
  // The name of a chat may run the other way; what stands around it does not follow it.
  return `Forwarded to \u2068${chosen[0].closest("label").querySelector("bdi").textContent}\u2069`;
}

document.addEventListener("change", ({ target }) => {
  const choice = target.closest("[data-most]");
  if (!choice || choice.querySelectorAll(":checked").length <= Number(choice.dataset.most)) return;
  target.checked = false;
  toast(document.getElementById("most").textContent);
});

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  const form = ctx.sourceElement.closest("form");
  if (!form?.getAttribute("action").endsWith("/forward") || ctx.request.method !== "POST" || !ctx.response?.raw.ok) return;
  const sentence = told(form);
  // While the sheet is open nobody hears what is said beneath it.
  if (sheet.open) sheet.addEventListener("close", () => toast(sentence), { once: true });
  else toast(sentence);
});
