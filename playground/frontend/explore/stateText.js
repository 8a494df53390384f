// A text as a panel's state: base64url of its UTF-8, which links hold as it is. Pure.

/** @param {string} text */
export const encodeText = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The text of a state; null where it is none.
 * @param {string} state */
export function decodeText(state) {
  try {
    const bytes = Uint8Array.from(atob(state.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
