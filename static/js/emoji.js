// All emoji with their names, loaded when they are first asked for; and what of them this device remembers.
import { me } from "./page.js";

const FILE = new URL("../emoji.txt", import.meta.url);
const RECENT = `parley:emoji:${me}`;
const TONE = `parley:tone:${me}`;
const KEPT = 24;
const BASE = /((?<!\u200d)🤝|(?!🤝)\p{Emoji_Modifier_Base})\ufe0f?/gu;

/** Skin tones by their names; the first is none. */
export const TONES = { "No skin tone": "", Light: "🏻", "Medium light": "🏼", Medium: "🏽", "Medium dark": "🏾", Dark: "🏿" };

let loading = null;

function parse(line) {
  const [sign, name, codes = "", words = ""] = line.split("\t");
  const hasTones = sign.endsWith("*");
  const slug = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "");
  const all = codes ? [...codes.split(" "), slug] : [slug];
  const text = [name, ...all, words].join(" ").toLowerCase().replaceAll("_", " ");
  return { sign: hasTones ? sign.slice(0, -1) : sign, hasTones, name, codes: all, text: ` ${text}` };
}

async function read() {
  const response = await fetch(FILE);
  if (!response.ok) throw new Error(`no emoji: ${response.status}`);
  const [, ...parts] = (await response.text()).trimEnd().split("\n\n");
  return parts.map((part) => {
    const [name, ...lines] = part.split("\n");
    return { name, emoji: lines.map(parse) };
  });
}

/** The groups in their order, each with a name and its emoji. Fails where they cannot be had just now. */
export function load() {
  loading ??= read().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** The less the better: of codes that begin so the shortest, then names, then what is found by any other word. */
function rank({ name, codes }, query, code) {
  const begun = codes.filter((each) => each.startsWith(code)).map((each) => each.length);
  if (begun.length) return Math.min(...begun);
  return name.toLowerCase().startsWith(query) ? 100 : 200;
}

/** Those of which each word of `text` begins a word of the name, a code or a keyword; the best first. */
export function search(groups, text) {
  const words = text.toLowerCase().split(/[\s_]+/).filter(Boolean);
  const [query, code] = [words.join(" "), words.join("_")];
  const found = groups.flatMap(({ emoji }) => emoji.filter((each) => words.every((word) => each.text.includes(` ${word}`))));
  return found
    .map((each) => [rank(each, query, code), each])
    .sort(([one], [other]) => one - other)
    .map(([, each]) => each);
}

function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export const tone = () => Object.values(TONES).find((each) => each === kept(TONE, "")) ?? "";
export const setTone = (value) => localStorage.setItem(TONE, JSON.stringify(value));

/** An emoji as this person has it: in their skin tone. */
export function toned({ sign, hasTones }) {
  return hasTones && tone() ? sign.replace(BASE, `$1${tone()}`) : sign;
}

/** What was used last, the latest first. */
export function recent() {
  const found = kept(RECENT, []);
  return Array.isArray(found) ? found.filter((each) => typeof each === "string").slice(0, KEPT) : [];
}

export function used(emoji) {
  localStorage.setItem(RECENT, JSON.stringify([emoji, ...recent().filter((each) => each !== emoji)].slice(0, KEPT)));
}
