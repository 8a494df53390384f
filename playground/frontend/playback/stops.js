// When writing stops by itself: after so many tokens, a word, or a line. Pure.

/** @import { Step } from "../types.js" */

import { config } from "../shared/config.js";

/** Whether to stop, from what was written since and from what comes next, where it is known.
 * @typedef {(written: Step[], next: Step | null) => boolean} Stop */

export const WORD_MAX = 40; // tokens, where no word ends

const IN_WORD = /[\p{L}\p{M}\p{N}]/u;
const BEGINS_IN_WORD = /^[\p{L}\p{M}\p{N}'\u2019-]/u;

/** @param {number} count @returns {Stop} */
export const afterTokens = (count) => (written) => written.length >= count;

/** At the end of the first word: what comes next is no part of it.
 * @type {Stop} */
export function afterWord(written, next) {
  if (written.length >= WORD_MAX) return true;
  return next !== null && written.some(({ text }) => IN_WORD.test(text)) && !BEGINS_IN_WORD.test(next.text);
}

/** @type {Stop} */
export const afterLine = (written) => written.at(-1)?.text.includes("\n") ?? false;

/** By the names that the page's buttons have.
 * @type {Record<string, Stop>} */
export const STOPS = {
  get tokens() {
    return afterTokens(config.generation.write_tokens); // known once the page has started
  },
  word: afterWord,
  line: afterLine,
};
