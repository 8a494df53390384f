// Shares of a training text beside the model's probabilities, as rows of bars and as a sentence. Pure.

/** @import { CorpusResponse, PlayableSession, Step, Trace } from "../types.js" */

import { contextWithIds } from "../playback/stepRequest.js";
import { lastTokens, rest, rows } from "../playback/trace.js";
import { config } from "../shared/config.js";
import { characters } from "../shared/text.js";

/** The model's candidates with how often each followed in the training text, and all others together.
 * @param {Step} step @param {CorpusResponse} found
 * @returns {{ rows: { text: string, prob: number, share: number, times: number, isPick: boolean }[],
 *   others: { count: number, prob: number, share: number, times: number } }} */
export function sharesOf(step, found) {
  const times = new Map(found.next.map(({ token, token_id: id = token, count }) => [id, count]));
  const shareOf = (/** @type {number} */ count) => (found.count ? count / found.count : 0);
  const shown = rows(step).map(({ id, text, prob }) => {
    const count = times.get(id) ?? times.get(text) ?? 0;
    return { text, prob, share: shareOf(count), times: count, isPick: text === step.text };
  });
  const left = found.count - shown.reduce((sum, row) => sum + row.times, 0);
  return { rows: shown, others: { ...rest(step), share: shareOf(left), times: left } };
}

/** What the look-up found: the key of a sentence with its parameters. isEdge: one token more never occurs.
 * @param {CorpusResponse} found @param {number} available tokens before the place
 * @param {boolean} isLongest whether the longest end that occurs was asked for */
export function verdictOf({ k, count, counts: [total] }, available, isLongest) {
  const isEdge = isLongest && k < Math.min(available, config.corpus.backoff_max);
  if (k === 0) return { key: "corpus.anywhere", params: { total }, isEdge };
  if (count === 0) return { key: "corpus.never", params: { total }, isEdge };
  return { key: "corpus.found", params: { count, total }, isEdge };
}

/** What is before a place, as far as it can be looked up; available: so many tokens.
 * @typedef {{ context: string, ids?: number[], available: number }} Lookup */

/** @param {Pick<PlayableSession, "session_id" | "tokenizer">} session @param {Trace} trace @param {number} end
 * @returns {Lookup} */
export function lookupOf({ session_id: id, tokenizer }, trace, end) {
  const most = config.corpus.lookup_max;
  if (tokenizer === "tokens") {
    const { context, context_ids: ids } = contextWithIds({ session_id: id, block_size: most }, trace, end, []);
    return { context, ids, available: Math.min(most, end) };
  }
  const last = characters(lastTokens(trace, most, end).join("")).slice(-most);
  return { context: last.join(""), available: last.length };
}
