// What a text must be to become a message, and the names that messages get.

const INVISIBLE = /^[\s\p{M}\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFB]*$/u;

/** Without blank lines at both ends; the first line keeps its indent. */
export const trimmed = (text) => text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();

/** Whether a text shows nothing. */
export const blank = (text) => INVISIBLE.test(text);

const hex = (number, digits) => number.toString(16).padStart(digits, "0");

/** A UUID of version 7: sorted by time, made where the message is written. */
export function uuid() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  random[0] = 0x70 | (random[0] & 0x0f);
  random[2] = 0x80 | (random[2] & 0x3f);
  const digits = hex(Date.now(), 12) + [...random].map((byte) => hex(byte, 2)).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
