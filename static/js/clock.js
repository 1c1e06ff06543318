// The server's clock, by which messages disappear: the one of this device may be wrong.
let ahead = null;

/** Now, as the server has it; null as long as it was not heard. */
export const present = () => (ahead === null ? null : Date.now() + ahead);

/** Take the time that the server says it is. */
export function learn(at) {
  const time = Date.parse(at ?? "");
  if (Number.isNaN(time)) return;
  ahead = time - Date.now();
  document.dispatchEvent(new CustomEvent("parley:clock", { detail: {} }));
}
