// [data-filter]: a field that leaves only those of a list whose names match.

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const items = (field) => [...field.closest(".picker").querySelectorAll(`${field.dataset.filter} > li`)];

document.addEventListener("input", ({ target }) => {
  if (!target.dataset.filter) return;
  const wanted = plain(target.value.trim());
  for (const item of items(target)) item.hidden = !plain(item.textContent).includes(wanted);
});

// Enter does not send the form around the field: it ticks the only one that is left.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.dataset.filter) return;
  event.preventDefault();
  const left = items(event.target).filter((item) => !item.hidden);
  if (left.length === 1) left[0].querySelector("input")?.click();
});
