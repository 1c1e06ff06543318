// [data-copy=id]: put a field's value, or a bubble's text, on the clipboard.
import { toast } from "./toasts.js";

/** Plain-HTTP addresses have no clipboard of their own, so there a field is selected and copied. */
function copyBySelecting(text) {
  const field = document.createElement("textarea");
  field.className = "visually-hidden";
  field.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (!isCopied) throw new Error("the browser refused");
}

/** Put a text on the clipboard, or one that is still on its way: browsers ask whether a key was pressed just now. */
export async function copy(text) {
  try {
    if (!navigator.clipboard) copyBySelecting(await text);
    else if (typeof text === "string") await navigator.clipboard.writeText(text);
    else await navigator.clipboard.write([new ClipboardItem({ "text/plain": text.then((whole) => new Blob([whole], { type: "text/plain" })) })]);
    toast("Copied");
  } catch {
    toast("Your browser did not let this be copied.", "error");
  }
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  await copy((source.querySelector(".bubble__body")?.innerText ?? source.value).trim());
  button.closest("dialog")?.close();
});
