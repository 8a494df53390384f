// The texts that a visitor keeps in the browser: an immutable list, the newest first, and its form in
// the browser's storage. Pure: no DOM, no storage.

/** @import { OpenedText } from "../../sharing/snapshots.js" */

import { characters } from "../../shared/text.js";

export const NAME_MAX = 80; // characters of a name
export const BYTES_MAX = 900_000; // of all, as UTF-8: a browser gives a page some millions
const VERSION = 1;

/** A text, with all that brings the page back to it. at: when it was kept, in milliseconds.
 * @typedef {OpenedText & { id: number, name: string, at: number }} KeptText */

/** The texts as a list with another one; null where there is no room for it.
 * @param {KeptText[]} texts @param {Omit<KeptText, "id">} added */
export function add(texts, added) {
  const id = 1 + Math.max(0, ...texts.map((text) => text.id));
  const list = [{ ...added, id, name: shortened(added.name) }, ...texts];
  return bytesOf(list) > BYTES_MAX ? null : list;
}

/** @param {KeptText[]} texts @param {number} id @param {string} name what is longer is cut off */
export const rename = (texts, id, name) => texts.map((text) => (text.id === id ? { ...text, name: shortened(name) } : text));

/** @param {KeptText[]} texts @param {number} id */
export const remove = (texts, id) => texts.filter((text) => text.id !== id);

/** Take a removal back: at the place where the text was.
 * @param {KeptText[]} texts @param {KeptText} removed @param {number} index */
export const restore = (texts, removed, index) => [...texts.slice(0, index), removed, ...texts.slice(index)];

/** How much room the texts take.
 * @param {KeptText[]} texts */
export const bytesOf = (texts) => new TextEncoder().encode(encode(texts)).length;

/** @param {KeptText[]} texts */
export const encode = (texts) => JSON.stringify({ version: VERSION, texts });

/** What is stored, without what can't be read.
 * @param {string | null} stored @returns {KeptText[]} */
export function decode(stored) {
  try {
    const { version, texts } = JSON.parse(stored ?? "null") ?? {};
    return version === VERSION && Array.isArray(texts) ? texts.filter(isReadable) : [];
  } catch {
    return [];
  }
}

/** @param {any} text */
function isReadable(text) {
  const { id, name, at, place, sampling, seed, trace } = text ?? {};
  const lists = [trace?.tokens, trace?.chosen, trace?.authors, trace?.by];
  return [id, at, seed].every(Number.isFinite) && typeof name === "string" && Boolean(place && sampling) &&
    typeof trace?.prompt === "string" && lists.every(Array.isArray) && trace.by.length === trace.tokens.length &&
    trace.tokens.every((/** @type {any} */ token) => Number.isInteger(token?.[0]) && typeof token?.[1] === "string");
}

/** @param {string} name */
const shortened = (name) => characters(name.replace(/\s+/g, " ").trim()).slice(0, NAME_MAX).join("");
