// The position whose token is drawn: the one that the visitor went back to, or the end. Pure.

/** @import { GenerateRequest, PlayableSession } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { samplingParams } from "../playback/sampling.js";
import { stepBody } from "../playback/stepRequest.js";
import { firstPosition } from "../playback/trace.js";
import { isTrained } from "../playback/unknown.js";

/** body: the request for its token with the settings in use; sampled: the same where it is sampled in
 * any case. key: what the answers depend on.
 * @typedef {{ position: number, session: PlayableSession, body: GenerateRequest, sampled: GenerateRequest, key: string }} DrawTarget */

/** The position on screen, for whichever step is the newest while the model learns; null where nothing can be asked for.
 * @param {Pick<Player, "session" | "step" | "isUntokenized" | "trace" | "caret" | "length" | "unknown" | "sampling" | "usedSeed"> & { newest?: boolean }} player
 * @param {number | null} seed instead of the one that the text is written with @returns {DrawTarget | null} */
export function drawTarget({ session, step, newest = false, isUntokenized, trace, caret, length, unknown, sampling, usedSeed }, seed) {
  const position = caret ?? length;
  if (!session || !isTrained(session) || isUntokenized || unknown.length || position < firstPosition(trace)) return null;
  const settings = { ...sampling, seed: seed ?? usedSeed };
  const bodyOf = (/** @type {typeof settings} */ own) =>
    stepBody({ session, step, newest, params: samplingParams(own, usedSeed), trace, end: position, n: 1 });
  const [body, sampled] = [bodyOf(settings), bodyOf({ ...settings, pick: "sample" })];
  return { position, session, body, sampled, key: JSON.stringify([body, sampled]) };
}

/** The request for the distribution as the model has it, at temperature 1.
 * @param {GenerateRequest} body @returns {GenerateRequest} */
export const rawBody = ({ session_id: id, step, context, context_ids: ids, position, n }) =>
  ({ session_id: id, step, context, ...(ids && { context_ids: ids }), position, n, temperature: 0 });
