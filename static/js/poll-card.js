// <poll-card>: a poll. One with many votes does not say who gave them, so the page asks which are mine, once.
import { get } from "./fragments.js";

const known = new Map();

async function mine(path) {
  const answer = await get(path, { Accept: "application/json" });
  if (!answer?.ok) {
    known.delete(path);
    return [];
  }
  return (await answer.json()).mine;
}

class PollCard extends HTMLElement {
  connectedCallback() {
    this.mark();
  }

  get path() {
    return `/chats/${this.dataset.chat}/messages/${this.dataset.seq}/votes`;
  }

  async mark() {
    if (!("big" in this.dataset)) return;
    if (!known.has(this.path)) known.set(this.path, mine(this.path));
    const options = await known.get(this.path);
    for (const button of this.querySelectorAll(".poll__option")) {
      button.toggleAttribute("data-mine", options.includes(Number(button.value)));
    }
  }
}

const mark = () => document.querySelectorAll("poll-card").forEach((card) => card.mark());

document.addEventListener("parley:poll.voted", ({ detail: { chat, seq, options } }) => {
  known.set(`/chats/${chat}/messages/${seq}/votes`, options);
  mark();
});

// What I chose on another device meanwhile was not heard.
for (const type of ["open", "whole"]) {
  document.addEventListener(`parley:${type}`, () => {
    known.clear();
    mark();
  });
}

customElements.define("poll-card", PollCard);
