// Text that scripts put into a field: everybody hears of it as if it were typed.

/** Put `text` in place of what stands from `start` to `end`, by default of what is selected. */
export function put(field, text, start = field.selectionStart, end = field.selectionEnd) {
  field.setRangeText(text, start, end, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
}

/** The same, with the focus, so that it can be undone. */
export function insert(field, text, start = field.selectionStart, end = field.selectionEnd) {
  field.focus({ preventScroll: true });
  field.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, text)) put(field, text, start, end);
}
