// Steps of the API as steps of a trace. Pure.

/** @import { ApiStep, Author, Candidate, PlayableSession, Step, Token } from "../types.js" */

/** A token of the API with its id.
 * @param {{ token: string, token_id?: number, bytes?: number[] }} token @param {Pick<PlayableSession, "known">} session @returns {Token} */
export const decodeToken = ({ token: text, token_id: id, bytes }, { known }) =>
  ({ id: id ?? known.get(text) ?? -1, text, ...(bytes && { bytes }) });

/** @param {{ token: string, token_id?: number, bytes?: number[], prob: number }} candidate @param {PlayableSession} session @returns {Candidate} */
export const decodeCandidate = ({ prob, ...token }, session) => ({ ...decodeToken(token, session), prob });

/** Tokens with their ids, and the model that wrote them.
 * @param {ApiStep} step @param {PlayableSession} session
 * @param {Author | undefined} by @returns {Step} */
export function decodeStep({ position, prob, candidates, other, kept, kept_prob: keptProb, ...token }, session, by) {
  return {
    position,
    ...decodeToken(token, session),
    prob,
    candidates: candidates.map((candidate) => decodeCandidate(candidate, session)),
    other,
    kept,
    keptProb,
    by,
  };
}
