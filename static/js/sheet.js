// Dialogs: the sheet opens once something is swapped into it; all close by Esc, beside them, and when they are done.
const sheet = document.getElementById("sheet");
let opener = null;
let message = null;

/** The link that opened the sheet, or the same one in its bubble that was rendered anew, or the composer. */
function backTo() {
  if (opener?.isConnected) return opener;
  return document.getElementById(message)?.querySelector(".bubble__menu") ?? document.querySelector(".composer__field");
}

function isBeside(dialog, { target, clientX: x, clientY: y }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return target === dialog && (x < left || x > right || y < top || y > bottom);
}

document.addEventListener("click", (event) => {
  const dialog = event.target.closest("dialog");
  if (dialog && (isBeside(dialog, event) || event.target.closest("[data-close]"))) {
    event.preventDefault();
    event.stopImmediatePropagation();
    dialog.close();
  } else if (event.target.closest(".message a:not(.bubble__body a), [hx-target='#sheet']")) {
    const link = event.target.closest("a");
    opener = link.closest(".dropdown")?.querySelector("summary") ?? link;
    message = link.closest(".message")?.id;
  }
}, { capture: true });

new MutationObserver(() => {
  if (!sheet.hasChildNodes() || (sheet.open && sheet.contains(document.activeElement))) return;
  if (!sheet.open) sheet.showModal();
  (sheet.querySelector("[autofocus], .menu__item") ?? sheet.querySelector("[data-close]"))?.focus();
}).observe(sheet, { childList: true });

sheet.addEventListener("close", () => {
  sheet.replaceChildren();
  const { activeElement } = document;
  if (activeElement === document.body || activeElement.closest(".message")) backTo()?.focus({ preventScroll: true });
});

document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.request.method === "POST" && sheet.contains(ctx.sourceElement) && ctx.response?.raw.ok) sheet.close();
});
