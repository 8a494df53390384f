// What was weighed at an earlier place in the text: asked for again, and kept for a while.
// The odds of a place depend on the text before it, the model and the settings alone.

/** @import { Author, GenerateRequest, GenerateResponse, PlayableSession, ScoreRequest, ScoreResponse, Step, Trace } from "../types.js" */
/** @import { Writer } from "./stepRequest.js" */

import { decodeCandidate, decodeStep } from "./decode.js";
import { scoreBody, stepBody, StepRequest } from "./stepRequest.js";
import { asToken, rows, tokenAt } from "./trace.js";

export const PLACES_MAX = 1000; // some megabytes at most

/** A place that was looked back at: the distribution there with the model's own pick, and the one that
 * the bars show: with the token that stands in the text as the pick.
 * @typedef {{ picked: Step, shown: Step }} Place */

export class PastSteps {
  /** @type {StepRequest<(signal: AbortSignal) => Promise<Place>, Place>} */
  #request;
  #generate;
  #score;
  /** By what they depend on; the last used ones last.
   * @type {Map<string, Place>} */
  #places = new Map();

  /** @param {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} generate
   * @param {(body: ScoreRequest, options?: { signal: AbortSignal }) => Promise<ScoreResponse>} score
   * @param {() => void} onSlow called when an answer takes long */
  constructor(generate, score, onSlow) {
    this.#request = new StepRequest((fetchPlace, signal) => fetchPlace(signal), onSlow);
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

  /** What is known of a place already.
   * @param {Writer} writer @param {Trace} trace @param {number} position @returns {Place | null} */
  get(writer, trace, position) {
    const key = keyOf(writer, trace, position);
    const place = this.#places.get(key);
    if (place) this.#keep(key, place);
    return place ?? null;
  }

  /** Ask for a place; null where it was given up. Throws what the API's client throws.
   * @param {Writer} writer @param {Trace} trace @param {number} position @param {Author | undefined} by
   * @returns {Promise<Place | null>} */
  async ask(writer, trace, position, by) {
    const place = await this.#request.send((signal) =>
      position === 0 ? this.#fetchFirst(writer, trace, by, signal) : this.#fetch(writer, trace, position, by, signal));
    if (place) this.#keep(keyOf(writer, trace, position), place);
    return place;
  }

  /** @param {Writer} writer @param {Trace} trace @param {number} position @param {Author | undefined} by
   * @param {AbortSignal} signal @returns {Promise<Place>} */
  async #fetch(writer, trace, position, by, signal) {
    const { session, params } = writer;
    const token = tokenAt(trace, position) ?? "";
    const response = await this.#generate(stepBody({ ...writer, trace, end: position, n: 1 }), signal);
    const picked = decodeStep(response.steps[0], session, by);
    if (rows(picked).some(({ text }) => text === token)) return placeOf(picked, token, session, null);
    const from = Math.max(0, position - session.block_size);
    const scored = await this.#score(scoreBody(writer, trace, from, position + 1), { signal });
    return placeOf(picked, token, session, probFromScore(scored, picked, params.temperature));
  }

  /** What is weighed after an empty context, at temperature 1: no token is drawn there.
   * @param {Writer} writer @param {Trace} trace @param {Author | undefined} by @param {AbortSignal} signal
   * @returns {Promise<Place>} */
  async #fetchFirst({ session, step, newest }, trace, by, signal) {
    const token = tokenAt(trace, 0) ?? "";
    const body = { session_id: session.session_id, step: newest ? null : step, text: token };
    const [{ logprob, candidates, other }] = (await this.#score(body, { signal })).tokens;
    const listed = candidates.map((one) => decodeCandidate(one, session));
    return placeOf({ position: 0, ...listed[0], candidates: listed, other, by }, token, session, logprob === null ? null : Math.exp(logprob));
  }

  /** @param {string} key @param {Place} place */
  #keep(key, place) {
    this.#places.delete(key);
    this.#places.set(key, place);
    if (this.#places.size > PLACES_MAX) this.#places.delete(/** @type {string} */ (this.#places.keys().next().value));
  }
}

/** @param {Writer} writer @param {Trace} trace @param {number} position */
const keyOf = (writer, trace, position) =>
  JSON.stringify([stepBody({ ...writer, trace, end: position, n: 1 }), writer.step, tokenAt(trace, position)]);

/** The distribution of a place with the token that stands there as its pick.
 * @param {Step} picked with the model's own pick @param {string} token @param {PlayableSession} session
 * @param {number | null} prob of the token where it has no row @returns {Place} */
export function placeOf(picked, token, { known }, prob) {
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
