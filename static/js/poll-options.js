// <poll-options>: as many fields as there are answers, and one more. Enter goes on, Backspace in an empty one goes back.
const FEWEST = 2;

/** Once what came is in its place. */
const afterPicture = (then) => requestAnimationFrame(() => requestAnimationFrame(then));

class PollOptions extends HTMLElement {
  connectedCallback() {
    this.fields = [...this.querySelectorAll("input")];
    this.addEventListener("input", () => this.settle());
    this.addEventListener("keydown", (event) => this.key(event));
    this.addEventListener("click", ({ target }) => {
      const field = target.closest("button")?.previousElementSibling;
      if (field) this.remove(this.fields.indexOf(field));
    });
    this.closest("form").addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
      if (ctx.response?.raw.ok) afterPicture(() => document.querySelector("message-list")?.toLatest());
    });
    this.settle();
  }

  settle() {
    const last = this.fields.findLastIndex(({ value }) => value.trim());
    for (const [index, field] of this.fields.entries()) {
      field.parentElement.hidden = index > Math.max(last + 1, FEWEST - 1);
      field.nextElementSibling.disabled = !field.value;
    }
  }

  /** Take an answer out: those behind it move up. */
  remove(index) {
    for (let each = index; each < this.fields.length; each += 1) {
      this.fields[each].value = this.fields[each + 1]?.value ?? "";
    }
    this.settle();
    this.fields[index].focus();
  }

  key(event) {
    const index = this.fields.indexOf(event.target);
    if (index < 0 || event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.fields[index + 1]?.focus();
    } else if (event.key === "Backspace" && !event.target.value && index > 0) {
      event.preventDefault();
      this.remove(index);
      this.fields[index - 1].focus();
    }
  }
}

customElements.define("poll-options", PollOptions);
