// Shows in bubbles what was looked for, by the browser's highlights: not a byte of the bubbles changes.
const DROPPED = /[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc\p{Emoji_Modifier}\p{Default_Ignorable_Code_Point}]/gu;
const KEPT = /[йїў]/;
const ALIKE = {
  ß: "ss", ς: "σ", ı: "i", ø: "o", ł: "l", đ: "d", ð: "d", ħ: "h", ŧ: "t", æ: "ae", œ: "oe", þ: "th", ى: "ي", ی: "ي", ک: "ك", ة: "ه",
  "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
};
const WORD = /[\p{L}\p{M}\p{N}_]/u;
const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A letter as the server compares it (app/search/folding.py). */
function fold(letter) {
  const lower = letter.normalize("NFKC").toLowerCase().normalize("NFC");
  const bare = [...lower].map((each) => (KEPT.test(each) ? each : each.normalize("NFKD").replace(DROPPED, ""))).join("").normalize("NFC");
  return [...bare].map((each) => ALIKE[each] ?? (each >= "ァ" && each <= "ヶ" ? String.fromCharCode(each.charCodeAt(0) - 0x60) : each)).join("");
}

/** Words as they are looked for, wherever they stand. */
export const needle = (words) => ({ text: [...letters.segment(words)].map(({ segment }) => fold(segment)).join("") });

/** The text of a bubble as it is compared, and for each character of it the node and the stretch it comes from. */
function read(body) {
  const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
  const places = [];
  let text = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const { segment, index } of letters.segment(node.data)) {
      const folded = fold(segment);
      text += folded;
      for (let count = 0; count < folded.length; count++) places.push({ node, start: index, end: index + segment.length });
    }
  }
  return { text, places };
}

function* found(body, needles) {
  const { text, places } = read(body);
  for (const { text: needle, starts_word: starts } of needles) {
    for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) {
      if (starts && at && WORD.test(text[at - 1])) continue;
      const range = new Range();
      range.setStart(places[at].node, places[at].start);
      range.setEnd(places[at + needle.length - 1].node, places[at + needle.length - 1].end);
      yield range;
    }
  }
}

/** Mark the needles in all messages of a list, and answer what is marked in `seq`, which is looked at. Without needles
 * nothing is marked. */
export function show(list, needles, seq) {
  if (!CSS.highlights) return [];
  CSS.highlights.delete("found");
  CSS.highlights.delete("found-here");
  if (!list || !needles.length) return [];
  const [all, here] = [new Highlight(), new Highlight()];
  here.priority = 1;
  for (const item of list.querySelectorAll(":scope > .message:not([data-deleted]) .bubble__body")) {
    const into = Number(item.closest(".message").dataset.seq) === seq ? here : all;
    for (const range of found(item, needles)) into.add(range);
  }
  CSS.highlights.set("found", all);
  CSS.highlights.set("found-here", here);
  return [...here];
}
