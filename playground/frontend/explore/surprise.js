// How surprised a model was by each token of a text, in bits, and what to show of it. Pure: no DOM,
// no network.
//
// Bits: the API and checkpoints have natural logarithms (nats); one nat is 1 / ln 2 bits. A token of
// probability p has -log2 p bits.

/** @import { ScoreResponse, Token } from "../types.js" */

import { decodeToken } from "../playback/decode.js";
import { piecesOf } from "../playback/tokens.js";
import { toBits } from "../shared/bits.js";
import { characterLabel, characters } from "../shared/text.js";

/** A scored token. bits, prob: null where nothing is predicted in its place, as for the first one.
 * rank: 1 where no other token was more probable. first: the most probable token in its place.
 * @typedef {Token & { bits: number | null, prob: number | null, rank: number | null, first: { text: string, prob: number } | null }} ScoredToken */

/** Neighbouring tokens that are drawn alike. level: see LEVELS; null: not scored. isNamed: one token
 * that can't be seen as it is: it is drawn by its name.
 * @typedef {{ from: number, level: number | null, isNamed: boolean, tokens: string[] }} Run */

/** Some neighbouring tokens as one bar. at: the token with the most bits among them.
 * @typedef {{ from: number, end: number, at: number, bits: number, level: number }} Column */

/** The least bits of each level after the first: half, an eighth, 1 in 32, 1 in 256. */
export const LEVELS = [1, 3, 5, 8]; // eslint-disable-line no-magic-numbers

/** The tokens of a score.
 * @param {ScoreResponse} response @param {Map<string, number>} known ids by their texts
 * @returns {ScoredToken[]} */
export const decodeScore = ({ tokens }, known) =>
  tokens.map(({ logprob, rank, candidates: [first], ...token }) => ({
    ...decodeToken(token, { known }),
    bits: logprob === null ? null : toBits(-logprob),
    prob: logprob === null ? null : Math.exp(logprob),
    rank,
    first: first ? { text: first.token, prob: first.prob } : null,
  }));

/** @param {number} bits */
export const levelOf = (bits) => LEVELS.filter((least) => bits >= least).length;

/** The mean bits of the tokens up to each; null before the first that is scored.
 * @param {ScoredToken[]} tokens @returns {(number | null)[]} */
export function runningMean(tokens) {
  let sum = 0, count = 0;
  return tokens.map(({ bits }) => {
    if (bits !== null) {
      sum += bits;
      count += 1;
    }
    return count ? sum / count : null;
  });
}

/** The positions of the tokens with the most bits, descending; of equal ones the earlier first.
 * @param {ScoredToken[]} tokens @param {number} most */
export const hardest = (tokens, most) =>
  tokens
    .flatMap(({ bits }, position) => (bits === null ? [] : [{ bits, position }]))
    .sort((a, b) => b.bits - a.bits)
    .slice(0, most)
    .map(({ position }) => position);

/** A text as runs of tokens that are drawn alike.
 * @param {ScoredToken[]} tokens */
export function runsOf(tokens) {
  /** @type {Run[]} */
  const runs = [];
  const pieces = piecesOf(tokens);
  tokens.forEach(({ bits }, from) => {
    const text = pieces[from];
    const level = bits === null ? null : levelOf(bits);
    const isNamed = text !== " " && characters(text).length === 1 && characterLabel(text) !== text;
    const last = runs.at(-1);
    if (last && last.level === level && !last.isNamed && !isNamed) last.tokens.push(text);
    else runs.push({ from, level, isNamed, tokens: [text] });
  });
  return runs;
}

/** Runs in parts of some tokens at least, each but the last with a line end at its end, or a space where
 * there was none for long: a browser lays out each part for itself.
 * @param {Run[]} runs @param {number} least tokens of a part @param {number} [most] before a space will do */
export function partsOf(runs, least, most = Infinity) {
  /** @type {Run[][]} */
  const parts = [];
  let isFull = true, from = 0;
  for (const run of runs) {
    if (isFull) {
      parts.push([]);
      from = run.from;
    }
    parts[parts.length - 1].push(run);
    const length = run.from + run.tokens.length - from;
    const isLine = run.isNamed && run.tokens[0].endsWith("\n");
    isFull = (isLine && length >= least) || (run.tokens.at(-1) === " " && length >= most);
  }
  return parts;
}

/** A bar for each token that is scored; for several where there are more than `most`.
 * @param {ScoredToken[]} tokens @param {number} most @returns {Column[]} */
export function columnsOf(tokens, most) {
  const width = Math.max(1, Math.ceil(tokens.length / most));
  /** @type {Column[]} */
  const columns = [];
  for (let from = 0; from < tokens.length; from += width) {
    const end = Math.min(tokens.length, from + width);
    const [at] = hardest(tokens.slice(from, end), 1);
    if (at === undefined) continue;
    const bits = tokens[from + at].bits ?? 0;
    columns.push({ from, end, at: from + at, bits, level: levelOf(bits) });
  }
  return columns;
}
