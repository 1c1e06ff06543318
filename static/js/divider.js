// The line "n unread messages" for what arrives while nobody looks. The server draws it for what was unread before.

const words = (count) => `${count} unread ${count === 1 ? "message" : "messages"}`;

/** Count an unread message: the first one gets a divider above it, unless the list has one. */
export function count(list, item) {
  const standing = list.querySelector(":scope > .divider");
  if (standing && !("count" in standing.dataset)) return;
  const divider = standing ?? draw();
  divider.dataset.count = Number(divider.dataset.count ?? 0) + 1;
  divider.firstElementChild.textContent = words(Number(divider.dataset.count));
  if (!standing) item.before(divider);
}

/** What comes from now on was seen coming. */
export function close(list) {
  const standing = list.querySelector(":scope > .divider");
  if (standing) delete standing.dataset.count;
}

function draw() {
  const divider = document.createElement("li");
  divider.className = "divider";
  divider.id = "unread";
  divider.append(document.createElement("span"));
  return divider;
}
