// What sampling does to one distribution: the probabilities before and after, the line that a number is drawn
// on, and tallies of many draws. Pure.

/** @import { ApiStep, DrawsResponse } from "../types.js" */

const GAP_MIN = 1e-9; // of the line: what is shorter is rounding

/** A token's probability as the model has it, and in the draw.
 * @typedef {{ text: string, raw: number, drawn: number }} TokenProbs
 * An interval of the line; text: null for tokens without a row.
 * @typedef {{ text: string | null, low: number, high: number }} Interval */

/** The probabilities of the most probable tokens, and of the others together.
 * @param {ApiStep} raw the distribution at temperature 1 @param {ApiStep} drawn the same with the settings
 * @returns {{ rows: TokenProbs[], other: TokenProbs & { count: number } }} */
export function compareProbs(raw, drawn) {
  const before = new Map(raw.candidates.map(({ token, prob }) => [token, prob]));
  const rows = drawn.candidates.map(({ token, prob }, index) =>
    ({ text: token, raw: before.get(token) ?? 0, drawn: drawnProb(drawn, token, prob, index) }));
  const left = (/** @type {number[]} */ probs) => Math.max(0, 1 - probs.reduce((sum, prob) => sum + prob, 0));
  const isCut = drawn.u === null || drawn.kept <= rows.length || drawn.other.count === 0;
  const other = {
    text: "",
    count: drawn.other.count,
    raw: drawn.other.count ? left(rows.map((row) => row.raw)) : 0,
    drawn: isCut ? 0 : left(rows.map((row) => row.drawn)),
  };
  return { rows, other };
}

/** @param {ApiStep} step @param {string} token one of its candidates @param {number} prob @param {number} index */
function drawnProb({ u, token: picked, kept, kept_prob: keptProb }, token, prob, index) {
  if (u === null) return token === picked ? 1 : 0; // nothing is drawn: the top choice
  return index < kept ? Math.min(1, prob / keptProb) : 0;
}

/** The line from 0 to 1: intervals of known tokens, and what lies between them.
 * @param {ApiStep} step asked for with `intervals`; drawn @returns {Interval[]} */
export function intervalsOf({ token, low, high, candidates }) {
  /** @type {Interval[]} */
  const known = candidates.flatMap(({ token: text, low: from, high: to }) =>
    from == null || to == null ? [] : [{ text, low: from, high: to }]);
  if (!known.some(({ text }) => text === token)) known.push({ text: token, low, high });
  /** @type {Interval[]} */
  const intervals = [];
  let end = 0;
  for (const interval of known.sort((one, other) => one.low - other.low)) {
    if (interval.low - end > GAP_MIN) intervals.push({ text: null, low: end, high: interval.low });
    intervals.push(interval);
    end = interval.high;
  }
  if (1 - end > GAP_MIN) intervals.push({ text: null, low: end, high: 1 });
  return intervals;
}

/** The index of the interval that a number lies in.
 * @param {Interval[]} intervals @param {number} u */
export function intervalAt(intervals, u) {
  const index = intervals.findIndex(({ high }) => u < high);
  return index < 0 ? intervals.length - 1 : index;
}

/** How often each of some tokens was drawn in the first n draws, and all others together.
 * @param {DrawsResponse} response @param {string[]} texts @param {number} n
 * @returns {{ counts: number[], other: number }} */
export function tally({ tokens, draws }, texts, n) {
  const counts = texts.map(() => 0);
  const indices = tokens.map(({ token }) => texts.indexOf(token));
  let other = 0;
  for (let at = 0; at < n; at += 1) {
    const index = indices[draws[at]];
    if (index < 0) other += 1;
    else counts[index] += 1;
  }
  return { counts, other };
}
