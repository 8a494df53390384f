// Two continuations of one text, token by token under the same random numbers, as an immutable value.
// Pure: no DOM, no network.
//
// Lockstep: {upper: [Step, …], lower: [Step, …], bits, shown}
//           bits: how far the two predictions after the upper text are apart, at each of its
//           positions; null where infinitely far; shown: so many positions are on screen

/** @import { LaneSide, PlayableSession, SamplingParams, Step, Trace } from "../../types.js" */

import { contextWithIds, stepBody } from "../../playback/stepRequest.js";
import { lastTokens, position } from "../../playback/trace.js";

/** @typedef {{ upper: Step[], lower: Step[], bits: (number | null)[], shown: number }} Lockstep
 * @typedef {{ session: PlayableSession, step: number | null, params: SamplingParams }} Lane */

/** @type {Lockstep} */
export const START = { upper: [], lower: [], bits: [], shown: 0 };

/** The request for the n steps after those of a lane.
 * @param {Lane} lane @param {Trace} trace that both continue @param {Step[]} steps @param {number} n */
export const laneBody = ({ session, step, params }, trace, steps, n) =>
  stepBody({ session, step, newest: false, params, trace, tokens: steps, n });

/** The request for the distances at the last n steps of the upper lane.
 * @param {Lane} upper @param {Lane} lower @param {Trace} trace @param {Step[]} steps of the upper lane @param {number} n */
export function compareBody(upper, lower, trace, steps, n) {
  const size = Math.max(upper.session.block_size ?? 0, lower.session.block_size ?? 0) + n - 1;
  const before = steps.slice(0, -1);
  const asked = upper.session.tokenizer === "tokens"
    ? contextWithIds(upper.session, trace, position(trace), before)
    : { context: [...lastTokens(trace, size, position(trace)), ...before.map(({ text }) => text)].slice(-size).join("") };
  return { ...sideOf(upper), other: sideOf(lower), ...asked, positions: n };
}

/** @param {Lane} lane @returns {LaneSide} */
const sideOf = ({ session, step, params }) => ({ session_id: session.session_id, step, temperature: params.temperature });

/** With further steps of both lanes; those after an end token are dropped.
 * @param {Lockstep} known @param {{ upper: Step[], lower: Step[] }} more
 * @param {{ upper: Lane, lower: Lane }} lanes @returns {Lockstep} */
export function extend(known, more, { upper, lower }) {
  return {
    ...known,
    upper: untilEnd([...known.upper, ...more.upper], upper),
    lower: untilEnd([...known.lower, ...more.lower], lower),
  };
}

/** Whether a lane has come to its end.
 * @param {Step[]} steps @param {Lane} lane */
export const hasEnded = (steps, { session }) => session.end_tokens.includes(steps.at(-1)?.text ?? "");

/** The number of positions that are known.
 * @param {Lockstep} lockstep */
export const known = ({ upper, lower }) => Math.max(upper.length, lower.length);

/** The first position, counted from the beginning of the lanes, where they differ, among those on
 * screen; null where they don't.
 * @param {Lockstep} lockstep */
export function divergence({ upper, lower, shown }) {
  const index = upper.slice(0, shown).findIndex((step, at) => at < lower.length && step.text !== lower[at].text);
  return index < 0 ? null : index;
}

/** The distances on screen, and their mean; null where there is none.
 * @param {Lockstep} lockstep */
export function distances({ bits, shown }) {
  const values = bits.slice(0, shown);
  const finite = values.filter((value) => value !== null);
  const mean = finite.length ? finite.reduce((sum, value) => sum + value, 0) / finite.length : null;
  return { values, last: values.at(-1) ?? null, mean };
}

/** @param {Step[]} steps @param {Lane} lane */
function untilEnd(steps, { session }) {
  const index = steps.findIndex(({ text }) => session.end_tokens.includes(text));
  return index < 0 ? steps : steps.slice(0, index + 1);
}
