// Steps of the API as steps of a trace. Pure.

/** @import { ApiStep, Author, PlayableSession, Step } from "../types.js" */

/** Tokens with their ids, and the model that wrote them.
 * @param {ApiStep} step @param {PlayableSession} session
 * @param {Author | undefined} by @returns {Step} */
export function decodeStep({ position, token, prob, candidates, other, kept, kept_prob: keptProb }, { known }, by) {
  const decode = (/** @type {string} */ text) => ({ id: known.get(text) ?? -1, text });
  return {
    position,
    ...decode(token),
    prob,
    candidates: candidates.map((candidate) => ({ ...decode(candidate.token), prob: candidate.prob })),
    other,
    kept,
    keptProb,
    by,
  };
}
