// Forms that scripts post. Refusals come back as application/problem+json.
import { base } from "./page.js";

/** The response, or null when the network fails. */
export async function post(path, fields, options = {}) {
  try {
    return await fetch(base + path, { method: "POST", body: new URLSearchParams(fields), ...options });
  } catch {
    return null;
  }
}
