// A round of the guessing game: a text with its continuation, and the bits that it costs the model on
// screen and two count-based models. Independent of the DOM.

/** @import { PlayableSession, Rest, RoundRequest, RoundResponse, RoundToken, ScoreRequest, ScoreResponse, Trained } from "../types.js" */
/** @import { Guess } from "./bets.js" */

import { toBits } from "../shared/bits.js";
import { bitsOf, mean } from "./bets.js";

/** The model's bars for a token, and the probability that it has there.
 * @typedef {{ candidates: { token: string, prob: number }[], other: Rest, prob: number, bits: number }} Score */

/** @typedef {object} Round
 * @property {Trained<PlayableSession>} session
 * @property {number | null} step of the model
 * @property {number} seed
 * @property {"text" | "model"} source
 * @property {string} context
 * @property {RoundToken[]} tokens to guess
 * @property {Score[]} scores of each of them */

/** Who guesses, and their bits, one a token.
 * @typedef {{ name: "you" | "model" | "bigram" | "unigram", bits: number[] }} Player */

/** @param {{ getRound: (body: RoundRequest) => Promise<RoundResponse>, score: (body: ScoreRequest) => Promise<ScoreResponse> }} api
 * @param {Trained<PlayableSession>} session @param {number | null} step @param {number} seed
 * @returns {Promise<Round>} */
export async function loadRound({ getRound, score }, session, step, seed) {
  const { source, context, tokens } = await getRound({ session_id: session.session_id, seed });
  const asked = session.tokenizer === "tokens"
    ? { text: context, text_ids: tokens.map(({ token_id: id = -1 }) => id) }
    : { text: context + tokens.map(({ token }) => token).join("") };
  const scored = await score({ session_id: session.session_id, step, ...asked });
  const scores = scored.tokens.slice(-tokens.length).map(({ logprob, candidates, other }) => ({
    candidates,
    other: other ?? { count: 0, prob: 0 },
    prob: Math.exp(logprob ?? 0),
    bits: toBits(-(logprob ?? 0)),
  }));
  return { session, step, seed, source, context, tokens, scores };
}

/** The learner, the model, and those that count, as far as their numbers are known.
 * @param {Round} round @param {Guess[]} guesses @returns {Player[]} */
export function playersOf({ session, tokens, scores }, guesses) {
  const done = tokens.slice(0, guesses.length);
  /** @param {"bigram" | "unigram"} name @returns {Player[]} */
  const counting = (name) => {
    const bits = done.flatMap((token) => (token[name] === null ? [] : [toBits(-token[name])]));
    return bits.length === done.length ? [{ name, bits }] : [];
  };
  return [
    { name: "you", bits: guesses.map((guess) => bitsOf(guess, session.vocab_size)) },
    { name: "model", bits: scores.slice(0, guesses.length).map(({ bits }) => bits) },
    ...counting("bigram"),
    ...counting("unigram"),
  ];
}

/** The others whose mean is above the learner's.
 * @param {Player[]} players the learner first */
export const beaten = ([you, ...others]) => others.filter(({ bits }) => mean(bits) > mean(you.bits));
