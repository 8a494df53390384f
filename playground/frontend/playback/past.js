// The distributions at earlier positions of the text: requested again, and cached.
// That of a position depends on the text before it, the model and the settings alone.

/** @import { Author, GenerateRequest, GenerateResponse, PlayableSession, ScoreRequest, ScoreResponse, Step, Trace } from "../types.js" */
/** @import { Writer } from "./stepRequest.js" */

import { LruCache } from "../shared/lruCache.js";
import { decodeCandidate, decodeStep } from "./decode.js";
import { scoreBody, stepBody, StepRequest } from "./stepRequest.js";
import { asToken, rows, tokenAt } from "./trace.js";

export const STEPS_MAX = 1000; // some megabytes at most

/** An earlier position: the distribution there with the model's own pick, and the one that
 * the bars show: with the token that stands in the text as the pick.
 * @typedef {{ picked: Step, shown: Step }} PastStep */

export class PastSteps {
  /** @type {StepRequest<(signal: AbortSignal) => Promise<PastStep>, PastStep>} */
  #request;
  #generate;
  #score;
  /** By what they depend on.
   * @type {LruCache<PastStep>} */
  #steps = new LruCache(STEPS_MAX);

  /** @param {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} generate
   * @param {(body: ScoreRequest, options?: { signal: AbortSignal }) => Promise<ScoreResponse>} score
   * @param {() => void} onSlow called when an answer takes long */
  constructor(generate, score, onSlow) {
    this.#request = new StepRequest((fetchStep, signal) => fetchStep(signal), onSlow);
    this.#generate = generate;
    this.#score = score;
  }

  get isPending() {
    return this.#request.isPending;
  }

  get isSlow() {
    return this.#request.isSlow;
  }

  cancel() {
    this.#request.cancel();
  }

  /** The cached distribution of a position.
   * @param {Writer} writer @param {Trace} trace @param {number} position @returns {PastStep | null} */
  get(writer, trace, position) {
    return this.#steps.get(keyOf(writer, trace, position)) ?? null;
  }

  /** Request that of a position; null where it was given up. Throws what the API's client throws.
   * @param {Writer} writer @param {Trace} trace @param {number} position @param {Author | undefined} by
   * @returns {Promise<PastStep | null>} */
  async fetch(writer, trace, position, by) {
    const step = await this.#request.send((signal) =>
      position === 0 ? this.#fetchFirst(writer, trace, by, signal) : this.#fetch(writer, trace, position, by, signal));
    if (step) this.#steps.set(keyOf(writer, trace, position), step);
    return step;
  }

  /** @param {Writer} writer @param {Trace} trace @param {number} position @param {Author | undefined} by
   * @param {AbortSignal} signal @returns {Promise<PastStep>} */
  async #fetch(writer, trace, position, by, signal) {
    const { session, params } = writer;
    const token = tokenAt(trace, position) ?? "";
    const response = await this.#generate(stepBody({ ...writer, trace, end: position, n: 1 }), signal);
    const picked = decodeStep(response.steps[0], session, by);
    if (rows(picked).some(({ text }) => text === token)) return pastStep(picked, token, session, null);
    const from = Math.max(0, position - (session.block_size ?? 0));
    const scored = await this.#score(scoreBody(writer, trace, from, position + 1), { signal });
    return pastStep(picked, token, session, probFromScore(scored, picked, params.temperature));
  }

  /** What is weighed after an empty context, at temperature 1: no token is drawn there.
   * @param {Writer} writer @param {Trace} trace @param {Author | undefined} by @param {AbortSignal} signal
   * @returns {Promise<PastStep>} */
  async #fetchFirst({ session, step, newest }, trace, by, signal) {
    const token = tokenAt(trace, 0) ?? "";
    const body = { session_id: session.session_id, step: newest ? null : step, text: token };
    const [{ logprob, candidates, other }] = (await this.#score(body, { signal })).tokens;
    const listed = candidates.map((one) => decodeCandidate(one, session));
    return pastStep({ position: 0, ...listed[0], candidates: listed, other, by }, token, session, logprob === null ? null : Math.exp(logprob));
  }
}

/** @param {Writer} writer @param {Trace} trace @param {number} position */
const keyOf = (writer, trace, position) =>
  JSON.stringify([stepBody({ ...writer, trace, end: position, n: 1 }), writer.step, tokenAt(trace, position)]);

/** The distribution of a position with the token that stands there as its pick.
 * @param {Step} picked with the model's own pick @param {string} token @param {PlayableSession} session
 * @param {number | null} prob of the token where it has no row @returns {PastStep} */
export function pastStep(picked, token, { known }, prob) {
  const listed = rows(picked).find((candidate) => candidate.text === token);
  const own = listed ?? { id: known.get(token) ?? -1, text: token, prob: prob ?? 0 };
  return { picked, shown: asToken(picked, own) };
}

/** The probability, at the temperature of a step, of the last token of a scored text. Scores are those
 * of temperature 1: the ratio of two probabilities is its power of 1 / temperature at another one.
 * @param {ScoreResponse} scored @param {Step} picked @param {number} temperature 0: as 1 @returns {number | null} */
export function probFromScore({ tokens }, { candidates }, temperature) {
  const last = tokens.at(-1);
  if (last?.logprob == null || !last.candidates.length || !candidates.length) return null;
  const ratio = Math.exp(last.logprob) / last.candidates[0].prob;
  return candidates[0].prob * ratio ** (1 / (temperature || 1));
}
