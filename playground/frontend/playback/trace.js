// A generation as an immutable value: the prompt, the steps on screen, and the steps known to follow.
// Pure: no DOM, no network; every transition returns a new trace.
//
// Trace: {prompt: [character, …], steps: [Step, …], ahead: [Step, …]}
//        steps are on screen; ahead[0] is the distribution of the character after them

/** @import { Candidate, Completion, Rest, Step, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { characters } from "../shared/text.js";

/** @param {string} text @returns {Trace} */
export const start = (text) => ({ prompt: characters(text), steps: [], ahead: [] });

/** A trace with steps whose tokens are known and whose distributions are not.
 * @param {string} prompt @param {string[]} tokens
 * @param {number[]} [chosen] indices of tokens that were chosen over the pick
 * @returns {Trace} */
export function restore(prompt, tokens, chosen = []) {
  const trace = start(prompt);
  const steps = tokens.map((token, index) => ({
    position: trace.prompt.length + index,
    token,
    prob: null,
    candidates: [],
    other: null,
    insteadOf: chosen.includes(index) ? null : undefined,
  }));
  return { ...trace, steps };
}

/** Whether a step's token was chosen over the pick.
 * @param {Step} step */
export const wasChosen = (step) => step.insteadOf !== undefined;

/** The text on screen, as characters.
 * @param {Trace} trace */
export const text = (trace) => [...trace.prompt, ...trace.steps.map((step) => step.token)];

/** The position of the next character.
 * @param {Trace} trace */
export const position = (trace) => trace.prompt.length + trace.steps.length;

/** The next step, or null while it is unknown: its candidates are the bars, its token is the pick.
 * @param {Trace} trace @returns {Step | null} */
export const next = (trace) => trace.ahead[0] ?? null;

/** Append to the known steps. Throws RangeError where the new ones do not follow on.
 * @param {Trace} trace @param {Step[]} steps @returns {Trace} */
export function extend(trace, steps) {
  const expected = position(trace) + trace.ahead.length;
  if (steps.some((step, index) => step.position !== expected + index)) {
    throw new RangeError(`the steps do not start at ${expected}`);
  }
  return { ...trace, ahead: [...trace.ahead, ...steps] };
}

/** Append the pick. Throws RangeError where the next step is unknown.
 * @param {Trace} trace @returns {Trace} */
export function advance(trace) {
  const [step, ...ahead] = trace.ahead;
  if (!step) throw new RangeError("the next step is unknown");
  return { ...trace, steps: [...trace.steps, step], ahead };
}

/** Append one of the candidates; unless it is the pick, the known steps are dropped.
 * @param {Trace} trace @param {string} token @returns {Trace} */
export function choose(trace, token) {
  const step = next(trace);
  if (step?.token === token) return advance(trace);
  const candidate = step?.candidates.find((other) => other.token === token);
  if (!step || !candidate) throw new RangeError("the token is not among the candidates");
  return { ...trace, steps: [...trace.steps, { ...step, ...candidate, insteadOf: step.token }], ahead: [] };
}

/** Take back all but the first `count` steps: they become the known steps.
 * @param {Trace} trace @param {number} count @returns {Trace} */
export function rewind(trace, count) {
  const { steps, ahead } = trace;
  return { ...trace, steps: steps.slice(0, count), ahead: [...steps.slice(count), ...ahead] };
}

/** The same text without known steps: for another model, or other settings.
 * @param {Trace} trace @returns {Trace} */
export const fork = (trace) => ({ ...trace, ahead: [] });

/** The bars of a step: its candidates, and the pick where it is none of them.
 * @param {Step} step @returns {Candidate[]} */
export function rows(step) {
  const listed = step.candidates.some((candidate) => candidate.token === step.token);
  return listed ? step.candidates : [...step.candidates, { token: step.token, prob: step.prob ?? 0 }];
}

/** The tokens without a bar: their number and total probability.
 * @param {Step} step @returns {Rest} */
export function rest(step) {
  const other = step.other ?? { count: 0, prob: 0 };
  if (rows(step).length === step.candidates.length) return other;
  return { count: other.count - 1, prob: Math.max(0, other.prob - (step.prob ?? 0)) };
}

/** Why a text is complete: "max", "end", or null where it is not.
 * @param {Trace} trace @param {string | null} endToken @returns {Completion} */
export function completion(trace, endToken) {
  if (trace.steps.length >= config.generation.tokens_max) return "max";
  return endToken !== null && trace.steps.at(-1)?.token === endToken ? "end" : null;
}
