// Tick markers: all messages above one are delivered, or read. They only ever move on.
const NAMES = ["delivered", "read"];

function find(list, name) {
  const known = list.querySelector(`:scope > [data-mark=${name}]`);
  if (known) return known;
  const mark = document.createElement("li");
  mark.className = "mark";
  mark.dataset.mark = name;
  mark.setAttribute("aria-hidden", "true");
  return mark;
}

/** The last child that a mark stands behind: the newest message up to `seq`, else what leads the list. */
function place(list, seq) {
  let child = list.lastElementChild;
  while (child && !(child.matches(".message") && Number(child.dataset.seq) <= seq)) {
    if (child.dataset.more === "older") break;
    child = child.previousElementSibling;
  }
  return child;
}

/** Put each mark where the list says that it belongs; where both belong, delivered comes first. */
export function settle(list) {
  let delivered = null;
  for (const name of NAMES) {
    const mark = find(list, name);
    const before = place(list, Number(list.dataset[name]));
    let next = before ? before.nextElementSibling : list.firstElementChild;
    if (delivered && next === delivered) next = next.nextElementSibling;
    mark.dataset.upto = list.dataset[name];
    if (next !== mark) list.insertBefore(mark, next);
    delivered = mark;
  }
}

/** Take what is known of the others' progress; answers whether a mark has moved. */
export function raise(list, marks) {
  const risen = NAMES.filter((name) => marks[name] > Number(list.dataset[name]));
  for (const name of risen) list.dataset[name] = marks[name];
  if (risen.length) settle(list);
}

/** What the others' progress is for `me`: my own pointer does not count. */
export function mine({ delivered, read }, me) {
  const pick = ([least, holder, second]) => (holder === me ? second : least);
  return { delivered: pick(delivered), read: pick(read) };
}
