// What the training text says beside what the model says, as rows of bars and as a sentence. Pure.

/** @import { CorpusResponse, Step } from "../types.js" */

import { rest, rows } from "../playback/trace.js";
import { config } from "../shared/config.js";
import { characters } from "../shared/text.js";

/** The model's candidates with how often each followed in the training text, and all others together.
 * @param {Step} step @param {CorpusResponse} found
 * @returns {{ rows: { text: string, prob: number, share: number, times: number, isPick: boolean }[],
 *   others: { count: number, prob: number, share: number, times: number } }} */
export function sharesOf(step, found) {
  const times = new Map(found.next.map(({ token, count }) => [token, count]));
  const shareOf = (/** @type {number} */ count) => (found.count ? count / found.count : 0);
  const shown = rows(step).map(({ text, prob }) => {
    const count = times.get(text) ?? 0;
    return { text, prob, share: shareOf(count), times: count, isPick: text === step.text };
  });
  const left = found.count - shown.reduce((sum, row) => sum + row.times, 0);
  return { rows: shown, others: { ...rest(step), share: shareOf(left), times: left } };
}

/** What the look-up found: the key of a sentence with its parameters. isEdge: one character more never
 * occurs.
 * @param {CorpusResponse} found @param {number} available characters before the place
 * @param {boolean} isLongest whether the longest end that occurs was asked for */
export function verdictOf({ k, count, characters: total }, available, isLongest) {
  const isEdge = isLongest && k < Math.min(available, config.corpus.backoff_max);
  if (k === 0) return { key: "corpus.anywhere", params: { total }, isEdge };
  if (count === 0) return { key: "corpus.never", params: { total }, isEdge };
  return { key: "corpus.found", params: { count, total }, isEdge };
}

/** How many characters can be looked up.
 * @param {string} context */
export const longestLookup = (context) => Math.min(config.corpus.lookup_max, characters(context).length);
