// What htmx needs before the socket opens: the Trusted Types policy, and how frames swap into lists.
// A classic script, because extensions must be known before hx-ws.js runs.
(() => {
  const tell = (element, type, detail) =>
    element.dispatchEvent(new CustomEvent(`parley:${type}`, { bubbles: true, detail }));

  htmx.registerExtension("trusted", {
    init(api) {
      const rules = { createHTML: (html) => html, createScript: () => "" };
      api.initSecurity(window.trustedTypes?.createPolicy("htmx", rules) ?? rules);
    },
  });

  const seq = (item) => Number(item.dataset.seq);
  const revision = (item) => Number(item.dataset.revision);

  function newest(list) {
    let item = list.lastElementChild;
    while (item && !item.matches(".message[data-seq]")) item = item.previousElementSibling;
    return item;
  }

  /** Whether a list shows the stretch of the chat that an item is from. */
  function belongs(list, item) {
    const first = list.querySelector(":scope > .message[data-seq]");
    if (!first) return "newest" in list.dataset;
    if (seq(item) > seq(newest(list))) return "newest" in list.dataset;
    return seq(item) > seq(first) || !list.querySelector(":scope > [data-more=older]");
  }

  /** The child before which a seq belongs. What has no seq is mine and on its way: it stays last. */
  function successor(list, seq) {
    let next = null;
    for (let child = list.lastElementChild; child; child = child.previousElementSibling) {
      const { seq: own, upto = own, more } = child.dataset;
      if (more === "older" || Number(upto) < seq) break;
      if (!child.matches(".day, .divider")) next = child;
    }
    return next;
  }

  const said = (item) => item.querySelector(".bubble__body")?.textContent;

  /** What has the focus in an item, as a selector for the same item made anew; null where nothing has. */
  function focused(item) {
    const active = document.activeElement;
    if (!item?.contains(active)) return null;
    if (active === item) return ":scope";
    if (active.id) return `#${CSS.escape(active.id)}`;
    return active.value ? `[value="${CSS.escape(active.value)}"]` : `.${active.classList[0]}`;
  }

  /** Take an item into a list; answers whether the list changed. */
  function put(list, item, mayInsert) {
    const shown = document.getElementById(item.id);
    const known = shown?.parentNode === list ? shown : null;
    if ("gone" in item.dataset) {
      known?.remove();
      return Boolean(known);
    }
    if (known && revision(known) >= revision(item)) return false;
    if (!known && !(mayInsert && belongs(list, item))) return false;
    const focus = focused(known);
    if (known && "seq" in known.dataset) {
      if (said(known) === said(item)) item.ariaLive = "off"; // it was read aloud when it came
      known.replaceWith(item);
    } else {
      known?.remove();
      list.insertBefore(item, successor(list, seq(item)));
    }
    if (focus) {
      item.tabIndex = 0;
      (item.querySelector(focus) ?? item).focus({ preventScroll: true });
    }
    return true;
  }

  // place: messages go where their seq belongs. renew: only those that are shown change.
  // With `quiet:true` they are an answer to this page, not news in their order.
  htmx.registerExtension("place", {
    handle_swap(style, list, fragment, { quiet = false }) {
      if (style !== "place" && style !== "renew") return false;
      const items = [...fragment.children];
      tell(list, "placing", { arrived: style === "place" });
      const placed = items.filter((item) => put(list, item, style === "place"));
      tell(list, "placed", { items, placed, quiet, arrived: style === "place" });
      return placed;
    },
  });

  /** Bring a row to the top of those that are not pinned. */
  function lift(row) {
    const list = row.parentNode;
    const top = list.querySelector(":scope > .row:not([data-pinned])");
    if (row === top || "pinned" in row.dataset) return;
    if (list.moveBefore) {
      list.moveBefore(row, top);
      return;
    }
    const focused = row.contains(document.activeElement) && document.activeElement;
    list.insertBefore(row, top);
    if (focused) focused.focus({ preventScroll: true });
  }

  function promote(list, moving) {
    const chat = moving.id.match(/\d+/)[0];
    const shown = document.getElementById(moving.id);
    const before = shown ? seq(shown) : null;
    if (shown && (before > seq(moving) || revision(shown) >= revision(moving))) return;
    if (shown) {
      shown.replaceWith(moving);
      if (seq(moving) > before) lift(moving.closest(".row"));
    }
    const { sender, counts, mentions = "", quote } = moving.dataset;
    delete moving.dataset.mentions; // news, and not how the row is
    delete moving.dataset.quote;
    tell(list, "moved", {
      chat: Number(chat), before, seq: seq(moving), sender: Number(sender), counts: counts !== undefined,
      mentions: mentions.split(" "), quote: Number(quote),
    });
    if (!shown) tell(list, "chat.row", { chat: Number(chat), isNews: true });
  }

  // promote: the moving part of a row changes, and the row rises to the top of its list, below what is pinned.
  htmx.registerExtension("promote", {
    handle_swap(style, list, fragment) {
      if (style !== "promote") return false;
      for (const moving of [...fragment.children]) promote(list, moving);
      return [];
    },
  });
})();
