// Texts as base64url of their UTF-8, which links hold as it is. Pure.

/** @param {string} text */
export const encodeBase64Url = (text) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The text of base64url; null where it is none.
 * @param {string} encoded */
export function decodeBase64Url(encoded) {
  try {
    const bytes = Uint8Array.from(atob(encoded.replaceAll("-", "+").replaceAll("_", "/")), (byte) => byte.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
