// Characters and numbers, and how they are shown.
// A character is one Unicode code point, as it is for the models; never a UTF-16 unit.

import { number, say } from "./messages.js";

export const characters = (text) => Array.from(text);

const ESCAPED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const NAMED = { " ": "text.space", "\u00a0": "text.no_break_space" };
const INVISIBLE = /^[\p{C}\p{Z}\u2800\u3164\u115f\u1160\uffa0\ufe0f]$/u;

/** A character as it is written in a bar or a chip: escaped or named where it can't be seen. */
export function label(character) {
  if (character in ESCAPED) return ESCAPED[character];
  if (character in NAMED) return say(NAMED[character]);
  if (INVISIBLE.test(character)) {
    return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  }
  return /^\p{M}$/u.test(character) ? "\u25cc" + character : character;
}

/** A probability in percent with one decimal, never 0 % or 100 % for what is neither. */
export function percent(probability) {
  if (probability > 0 && probability < 0.0005) return say("text.less_percent", { value: number(0.1, 1) });
  if (probability < 1 && probability >= 0.9995) return say("text.more_percent", { value: number(99.9, 1) });
  return say("text.percent", { value: number(100 * probability, 1) });
}

/** 970 → "970", 15230 → "15K", 998000 → "998K", 1250000 → "1.3M". */
export function short(count) {
  if (count < 1000) return String(count);
  if (count < 999_500) return say("text.thousands", { value: Math.round(count / 1000) });
  return say("text.millions", { value: number(Math.round(count / 1e5) / 10) });
}

/** How many bytes of how many: `0.4 of 3.8 MB`, `12 of 64 kB`. */
export function amount(bytes, total) {
  return total < 1e6
    ? say("text.kilobytes", { done: Math.round(bytes / 1e3), total: Math.round(total / 1e3) })
    : say("text.megabytes", { done: number(bytes / 1e6, 1), total: number(total / 1e6, 1) });
}

/** How much of a text the model sees: `45 / 64 in context`, or how long it is beyond the window. */
export function counter(length, size) {
  return say(length <= size ? "drawer.in_context" : "drawer.beyond_context", { length, size });
}

/** The text cut where known and unknown characters meet: [{text, unknown}, …]. */
export function marked(text, vocabulary) {
  const parts = [];
  for (const character of characters(text)) {
    const unknown = !vocabulary.has(character);
    const last = parts.at(-1);
    if (last && last.unknown === unknown) last.text += character;
    else parts.push({ text: character, unknown });
  }
  return parts;
}

/** The characters of a text outside the vocabulary: each once, in order of appearance. */
export function unknown(text, vocabulary) {
  return [...new Set(characters(text))].filter((character) => !vocabulary.has(character));
}
