// What everybody is called who is named on the page: asked for after a gap, in which a change was not heard.
import { get } from "./fragments.js";
import { isOpen } from "./live.js";

const MOST = 500;
let isFirst = !isOpen();

async function ask() {
  const shown = new Map([...document.querySelectorAll("[data-name-of]")].map((place) => [place, place.textContent]));
  const ids = [...new Set([...shown.keys()].map((place) => place.dataset.nameOf))].slice(-MOST);
  const response = ids.length && (await get(`/users/names?ids=${ids.join("+")}`, { Accept: "application/json" }));
  if (!response?.ok) return;
  const names = await response.json();
  for (const [place, before] of shown) {
    const name = names[place.dataset.nameOf];
    if (name && name !== before && place.textContent === before) place.textContent = name; // or one was heard meanwhile
  }
}

document.addEventListener("parley:open", () => {
  if (!isFirst) ask();
  isFirst = false;
});
document.addEventListener("parley:whole", ask);
