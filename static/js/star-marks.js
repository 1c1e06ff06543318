// Which messages of the open chat are starred: a mark on each, also on those that come later.
class StarMarks extends HTMLElement {
  #seqs = new Set();
  #observer = new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) this.#mark(node);
  });
  #heard = ({ detail }) => this.#hear(detail);

  connectedCallback() {
    this.#seqs = new Set(this.dataset.seqs.split(" ").filter(Boolean));
    const page = this.closest("#conversation");
    for (const message of page.querySelectorAll(".message")) this.#mark(message);
    this.#observer.observe(page, { childList: true, subtree: true });
    document.addEventListener("parley:chat.starred", this.#heard);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    document.removeEventListener("parley:chat.starred", this.#heard);
  }

  #mark(node) {
    if (node.nodeType === Node.ELEMENT_NODE && node.matches(".message")) {
      node.toggleAttribute("data-starred", this.#seqs.has(node.dataset.seq));
    }
  }

  #hear({ chat, seqs, on }) {
    if (String(chat) !== this.dataset.chat) return;
    for (const seq of seqs) {
      if (on) this.#seqs.add(String(seq));
      else this.#seqs.delete(String(seq));
      this.#mark(this.closest("#conversation").querySelector(`.message[data-seq="${seq}"]`) ?? this);
    }
  }
}

customElements.define("star-marks", StarMarks);
