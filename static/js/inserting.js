// Text that a script puts into a field as if it were typed: it can be undone, and everybody hears of it.

/** Put `text` in place of what stands from `start` to `end`, by default of what is selected. */
export function insert(field, text, start = field.selectionStart, end = field.selectionEnd) {
  field.focus({ preventScroll: true });
  field.setSelectionRange(start, end);
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, start, end, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
}
