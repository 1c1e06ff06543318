// Links in messages open beside the page; those to this server open in it.

function stay(event) {
  const link = event.target.closest(".bubble__body a[target]");
  if (link?.origin === location.origin) link.removeAttribute("target");
}

document.addEventListener("click", stay, { capture: true });
