// Characters and numbers as text.
// A character is one Unicode code point, as it is for the models; never a UTF-16 unit.

import { formatNumber, translate } from "./messages.js";

export const SPACE = "␣"; // where its name has no room

/** The characters that a model knows.
 * @typedef {{ has: (character: string) => boolean }} Known */

/** @param {string} text */
export const characters = (text) => Array.from(text);

/** @type {Record<string, string>} */
const ESCAPED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
/** @type {Record<string, string>} */
const NAMED = { " ": "text.space", "\u00a0": "text.no_break_space" };
const INVISIBLE = /^(?:[\p{C}\p{Z}\u2800\u3164\u115f\u1160\uffa0]|\ufe0f)$/u;
const HEXADECIMAL = 16;
const CODE_POINT_DIGITS = 4;
const FIRST_LETTER = /\p{L}/u;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const PERCENT_MIN = 0.1; // the least and the most that one decimal shows
const PERCENT_MAX = 99.9;
const PERCENT_HALF_UNIT = 0.0005;
const MILLION = 1e6;
const ROUNDS_TO_MILLION = 999_500;
const BYTE_ORDER_MARK = "\ufeff"; // at the beginning of a file, and of each of those that were joined
const LINE_END = /\r\n?|[\u0085\u2028\u2029]/g; // other than "\n"
const EXTENDING = /[\p{M}\u1160-\u11ff]/u; // marks; vowels and final consonants of decomposed Hangul syllables
// What Unicode's normalization may change: a character with such ones, and any outside ASCII. At most
// 30 marks at a time, as in Unicode's stream-safe format: the time to sort them grows with their square.
const CLUSTER = /[^\p{M}\u1160-\u11ff][\p{M}\u1160-\u11ff]{1,30}|[^\0-\x7f]/gu;
const COMPOSED_MAX = 3; // no character decomposes into more than a base and three marks

/** A character as it is displayed in a bar or a chip: escaped or named where it is invisible.
 * @param {string} character */
export function characterLabel(character) {
  if (character in ESCAPED) return ESCAPED[character];
  if (character in NAMED) return translate(NAMED[character]);
  if (INVISIBLE.test(character)) {
    const code = character.codePointAt(0) ?? 0;
    return "U+" + code.toString(HEXADECIMAL).toUpperCase().padStart(CODE_POINT_DIGITS, "0");
  }
  return /^\p{M}$/u.test(character) ? "\u25cc" + character : character;
}

/** A text in which nothing is hidden: line ends, controls and what else can't be seen are escaped.
 * @param {string} text */
export const visibleText = (text) =>
  Array.from(text, (character) => (character === " " ? character : characterLabel(character))).join("");

/** A token as it is displayed beside a bar or in a sentence; the space before a word as ␣.
 * @param {string} text */
export const tokenLabel = (text) =>
  (characters(text).length === 1 ? characterLabel(text) : visibleText(text).replace(/^ +/, (spaces) => SPACE.repeat(spaces.length)));

/** A probability in percent with one decimal; 0 % and 100 % only where they are exact.
 * @param {number} probability 0 to 1 */
export function formatPercent(probability) {
  if (probability > 0 && probability < PERCENT_HALF_UNIT) {
    return translate("text.less_percent", { value: formatNumber(PERCENT_MIN, 1) });
  }
  if (probability < 1 && probability >= 1 - PERCENT_HALF_UNIT) {
    return translate("text.more_percent", { value: formatNumber(PERCENT_MAX, 1) });
  }
  return translate("text.percent", { value: formatNumber(100 * probability, 1) });
}

/** 970 → "970", 15230 → "15K", 998000 → "998K", 1250000 → "1.3M".
 * @param {number} count */
export function formatCompact(count) {
  if (count < 1000) return String(count);
  if (count < ROUNDS_TO_MILLION) return translate("text.thousands", { value: Math.round(count / 1000) });
  const tenths = 10;
  return translate("text.millions", { value: formatNumber(Math.round(tenths * count / MILLION) / tenths) });
}

/** Bytes received of a total: `0.4 of 3.8 MB`, `12 of 64 kB`.
 * @param {number} bytes @param {number} total */
export function formatBytes(bytes, total) {
  return total < MILLION
    ? translate("text.kilobytes", { done: Math.round(bytes / 1000), total: Math.round(total / 1000) })
    : translate("text.megabytes", { done: formatNumber(bytes / MILLION, 1), total: formatNumber(total / MILLION, 1) });
}

/** The length of a text beside the context window: `45 / 64 in context`.
 * @param {number} length @param {number} size of the window */
export function contextCounter(length, size) {
  return translate(length <= size ? "drawer.in_context" : "drawer.beyond_context", { length, size });
}

/** The length of a text in characters, and in a model's tokens beside its window: `45 characters, 12 of
 * 1,024 tokens`.
 * @param {number} characterCount @param {number | null} count of tokens; null where it isn't known
 * @param {number} size of the window */
export function tokenCounter(characterCount, count, size) {
  const said = translate("drawer.characters", { count: characterCount });
  if (count === null) return translate("drawer.tokens_unknown", { characters: said });
  return translate(count <= size ? "drawer.tokens_in_context" : "drawer.tokens_beyond", { characters: said, number: count, size });
}

/** A text with `\n` for CR and CRLF, as a text field has it.
 * @param {string} text */
export const unifyNewlines = (text) => text.replace(/\r\n?/g, "\n");

/** An equivalent of a text in the forms that a vocabulary knows, as far as it has one. Of each character
 * that is not known: a byte order mark is left out, a line end becomes `\n`, and letters with marks are
 * composed or decomposed. Idempotent; `adapt_text` in lm/text.py does the same.
 * @param {string} text @param {Known} known */
export function adaptToVocabulary(text, known) {
  const unknown = unknownCharacters(text, known);
  if (unknown.length === 0) return text;
  const plain = (known.has(BYTE_ORDER_MARK) ? text : text.replaceAll(BYTE_ORDER_MARK, ""))
    .replace(LINE_END, (lineEnd) => (known.has(lineEnd[0]) ? lineEnd : "\n"));
  // The usual case, and ten times as fast: no character has another form.
  if (!EXTENDING.test(plain) && unknown.every((character) => knownForm(character, known) === character)) return plain;
  /** @type {Map<string, string>} */
  const forms = new Map();
  const formOf = (/** @type {string} */ cluster) => {
    const form = forms.get(cluster) ?? knownForm(cluster, known);
    forms.set(cluster, form);
    return form;
  };
  return plain.replace(CLUSTER, formOf);
}

/** The canonically equivalent form with the fewest unknown characters; composed, if in doubt.
 * @param {string} cluster @param {Known} known */
function knownForm(cluster, known) {
  const unknownIn = (/** @type {string} */ form) => characters(form).filter((character) => !known.has(character)).length;
  if (unknownIn(cluster) === 0) return cluster;
  const forms = [cluster.normalize("NFC"), composeKnown(cluster, known), cluster];
  const counts = forms.map(unknownIn);
  return forms[counts.indexOf(Math.min(...counts))];
}

/** Decomposed, but for the longest beginning that is a known character when composed.
 * @param {string} cluster @param {Known} known */
function composeKnown(cluster, known) {
  const decomposed = characters(cluster.normalize("NFD"));
  for (let end = Math.min(decomposed.length, COMPOSED_MAX + 1); end > 1; end -= 1) {
    const composed = decomposed.slice(0, end).join("").normalize("NFC");
    if (known.has(composed)) return composed + decomposed.slice(end).join("");
  }
  return decomposed.join("");
}

/** The direction of a text: that of its first letter. What `dir="auto"` says, which takes Chromium ten
 * times as long as the rest of the layout of a long text.
 * @param {string} text */
export const directionOf = (text) => (RIGHT_TO_LEFT.test(FIRST_LETTER.exec(text)?.[0] ?? "") ? "rtl" : "ltr");

/** A text split into runs of known and of unknown characters; the rest after so many is left out.
 * @param {string} text @param {Known} vocabulary @param {number} [most] */
export function splitByVocabulary(text, vocabulary, most = Infinity) {
  /** @type {{ text: string, unknown: boolean }[]} */
  const runs = [];
  for (const character of text) {
    const unknown = !vocabulary.has(character);
    const last = runs.at(-1);
    if (runs.length === most && last?.unknown !== unknown) break;
    if (last && last.unknown === unknown) last.text += character;
    else runs.push({ text: character, unknown });
  }
  return runs;
}

/** The characters of a text outside the vocabulary: each once, in order of appearance.
 * @param {string} text @param {Known} vocabulary */
export function unknownCharacters(text, vocabulary) {
  return [...new Set(text)].filter((character) => !vocabulary.has(character));
}
