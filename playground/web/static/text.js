// Characters, and how they are shown. Pure: no DOM, no network.
// A character is one Unicode code point, as it is for the models; never a UTF-16 unit.

export const characters = (text) => Array.from(text);

const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": "(space)", "\u00a0": "(no-break space)" };
const INVISIBLE = /^[\p{C}\p{Z}\u2800\u3164\u115f\u1160\uffa0\ufe0f]$/u;

/** A character as it is written in a bar or a chip: escaped or named where it can't be seen. */
export function label(character) {
  if (character in NAMED) return NAMED[character];
  if (INVISIBLE.test(character)) {
    return "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
  }
  return /^\p{M}$/u.test(character) ? "\u25cc" + character : character;
}

/** A probability in percent with one decimal, never 0 % or 100 % for what is neither. */
export function percent(probability) {
  if (probability > 0 && probability < 0.0005) return "<0.1 %";
  if (probability < 1 && probability >= 0.9995) return ">99.9 %";
  return (100 * probability).toFixed(1) + " %";
}

/** 970 → "970", 15230 → "15K", 998000 → "998K", 1250000 → "1.3M". */
export function short(count) {
  if (count < 1000) return String(count);
  if (count < 999_500) return Math.round(count / 1000) + "K";
  return (count / 1e6).toFixed(1).replace(".0", "") + "M";
}

/** Whole numbers with commas between the thousands. */
export const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** How many bytes of how many: `0.4 of 3.8 MB`, `12 of 64 kB`. */
export function amount(bytes, total) {
  return total < 1e6
    ? `${Math.round(bytes / 1e3)} of ${Math.round(total / 1e3)} kB`
    : `${(bytes / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
}

/** How much of a text the model sees: `45 / 64 in context`, or how long it is beyond the window. */
export function counter(length, blockSize) {
  return length <= blockSize
    ? `${length} / ${blockSize} in context`
    : `${length} chars (last ${blockSize} in context)`;
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
