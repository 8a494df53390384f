// Tokens as text. Where a model's tokens are pieces of words, one may stand for a part of a character:
// it is shown by its bytes, ⟨E2 80⟩, until the character is whole, and then stands at the token that
// made it whole. Pure.

/** @import { PlacedToken, Token } from "../types.js" */

import { characters } from "../shared/text.js";

const HEXADECIMAL = 16;
const BYTE_DIGITS = 2;
const JOINER = "\u200d";
// Marks, joiners, selectors and modifiers of emoji, vowels and final consonants of Hangul syllables.
const JOINS_BEFORE = /^(?:\p{M}|\p{EMod}|\u200c|\u200d|[\u1160-\u11ff]|[\u{e0020}-\u{e007f}])/u;
const FLAG_START = /^[\u{1f1e6}-\u{1f1ff}]/u;
const FLAG_END = /[\u{1f1e6}-\u{1f1ff}]$/u;
// The first bytes of UTF-8 sequences of each length, the last excluded.
const LEADS = [[0x00, 0x80], [0xc2, 0xe0], [0xe0, 0xf0], [0xf0, 0xf5]]; // eslint-disable-line no-magic-numbers

/** A text as tokens of a character each; one object for all that are alike, for a text may be long.
 * @param {string} text @returns {Token[]} */
export function characterTokens(text) {
  /** @type {Map<string, Token>} */
  const tokens = new Map();
  return Array.from(text, (character) => {
    const token = tokens.get(character) ?? { id: -1, text: character };
    tokens.set(character, token);
    return token;
  });
}

/** The tokens of a typed text, each with its part of it: together they are the text. A character that
 * several tokens stand for is the part of the last of them; what no token stands for, that of the next.
 * @param {string} text @param {PlacedToken[]} placed as the API has them @returns {Token[]} */
export function typedTokens(text, placed) {
  const all = characters(text);
  const last = placed.length - 1;
  let from = 0;
  return placed.map(({ id, text: name, bytes, end }, index) => {
    const isWhole = index === last || placed[index + 1].end > end;
    const to = index === last ? all.length : Math.max(from, isWhole ? end : from);
    const part = all.slice(from, to).join("");
    from = to;
    return { id, text: name, ...(bytes && { bytes }), ...(part !== name && { part }) };
  });
}

/** What of a text each token shows, "" for all but the last of those that are one character.
 * @param {Token[]} tokens @returns {string[]} */
export function piecesOf(tokens) {
  const shown = tokens.map(({ text, part }) => part ?? text);
  for (let from = 0; from < tokens.length; from += 1) {
    if (!isPart(tokens[from])) continue;
    let end = from + 1;
    while (end < tokens.length && isPart(tokens[end])) end += 1;
    shown.splice(from, end - from, ...joined(tokens.slice(from, end)));
    from = end;
  }
  return shown;
}

/** What tokens show as parts of the text that can be drawn apart: neither a character nor what is drawn
 * as one, as an emoji of several, is torn.
 * @param {Token[]} tokens @returns {string[]} */
export function cellsOf(tokens) {
  /** @type {string[]} */
  const cells = [];
  for (const piece of piecesOf(tokens)) {
    const last = cells.at(-1);
    if (last !== undefined && isOneCluster(last, piece)) cells[cells.length - 1] += piece;
    else if (piece !== "") cells.push(piece);
  }
  return cells;
}

/** Whether a text goes on with what is drawn as one with its end.
 * @param {string} before @param {string} after */
const isOneCluster = (before, after) =>
  JOINS_BEFORE.test(after) || before.endsWith(JOINER) || (FLAG_END.test(before) && FLAG_START.test(after));

/** The text of tokens.
 * @param {Token[]} tokens */
export const textOf = (tokens) => piecesOf(tokens).join("");

/** The index of the token that shows each of some characters of a text.
 * @param {Token[]} tokens @param {number[]} indices of characters, ascending */
export function tokensAt(tokens, indices) {
  let end = 0;
  const ends = piecesOf(tokens).map((piece) => (end += characters(piece).length));
  return [...new Set(indices.map((index) => ends.findIndex((one) => index < one)))].filter((index) => index >= 0);
}

/** The tokens of a text that come after its first characters; null where one lies across.
 * @param {Token[]} tokens @param {number} count of characters */
export function tokensAfter(tokens, count) {
  const pieces = piecesOf(tokens);
  let from = 0, length = 0;
  while (from < tokens.length && length < count) length += characters(pieces[from++]).length;
  return length === count ? tokens.slice(from) : null;
}

/** So many of the tokens that no part of a character is left over at the end.
 * @param {Token[]} tokens */
export function wholeLength(tokens) {
  let end = tokens.length;
  while (end > 0 && ((tokens[end - 1].bytes && tokens[end - 1].part === "") || hasRest(tokens.slice(0, end)))) end -= 1;
  return end;
}

/** @param {Token[]} tokens */
function hasRest(tokens) {
  const bytes = tokens.slice(tokens.findLastIndex((token) => !isPart(token)) + 1).flatMap((token) => token.bytes ?? []);
  return heldFrom(bytes) < bytes.length;
}

/** Whether a token holds a part of a character, and no part of a typed text.
 * @param {Token} token */
const isPart = ({ bytes, part }) => bytes !== undefined && part === undefined;

/** The pieces of neighbouring tokens with parts of characters.
 * @param {Token[]} parts */
function joined(parts) {
  /** @type {number[]} */
  let held = [];
  return parts.map(({ bytes = [] }, index) => {
    const all = [...held, ...bytes];
    const end = index === parts.length - 1 ? all.length : heldFrom(all);
    held = all.slice(end);
    return textOfBytes(all.slice(0, end));
  });
}

/** Where the last whole character ends: what comes after it may become one.
 * @param {number[]} bytes */
function heldFrom(bytes) {
  let end = 0;
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    at += character?.length ?? 1;
    if (character) end = at;
  }
  return end;
}

/** Bytes as text, each run of those that are no whole character as ⟨E2 80⟩; as `text_of_bytes` of
 * lm/tokenizer.py.
 * @param {number[]} bytes */
export function textOfBytes(bytes) {
  let text = "";
  /** @type {string[]} */
  let broken = [];
  const flush = () => {
    if (broken.length) text += `⟨${broken.join(" ")}⟩`;
    broken = [];
  };
  for (let at = 0; at < bytes.length;) {
    const character = characterAt(bytes, at);
    if (character) {
      flush();
      text += character.text;
    } else broken.push(bytes[at].toString(HEXADECIMAL).toUpperCase().padStart(BYTE_DIGITS, "0"));
    at += character?.length ?? 1;
  }
  flush();
  return text;
}

/** The character that begins at a byte, with its number of bytes; null where there is none.
 * @param {number[]} bytes @param {number} at */
function characterAt(bytes, at) {
  const length = LEADS.findIndex(([first, end]) => bytes[at] >= first && bytes[at] < end) + 1;
  if (length === 0 || at + length > bytes.length) return null;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { text: decoder.decode(new Uint8Array(bytes.slice(at, at + length))), length };
  } catch {
    return null;
  }
}
