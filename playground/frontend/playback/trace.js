// A generation as an immutable value: the prompt, the steps on screen, and the steps known to follow.
// Pure: no DOM, no network; every transition returns a new trace.
//
// Trace: {prompt: [character, …], text, steps: [Step, …], ahead: [Step, …], stale: Step or null}
//        text: the prompt as a string. steps are on screen; ahead[0] is the distribution of the
//        character after them; stale: what it was before the model or the settings changed, until
//        the new one is known

/** @import { Author, Candidate, Completion, Rest, Step, Token, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { characters } from "../shared/text.js";

/** @param {string} text @returns {Trace} */
export const start = (text) => ({ prompt: characters(text), text, steps: [], ahead: [], stale: null });

/** A trace with steps whose tokens are known and whose distributions are not.
 * @param {string} prompt @param {Token[]} tokens
 * @param {number[]} [chosen] indices of tokens that were chosen over the pick
 * @param {(Author | undefined)[]} [authors] the model that wrote each token
 * @returns {Trace} */
export function restore(prompt, tokens, chosen = [], authors = []) {
  const trace = start(prompt);
  const steps = tokens.map(({ id, text }, index) => ({
    position: trace.prompt.length + index,
    id,
    text,
    prob: null,
    candidates: [],
    other: null,
    insteadOf: chosen.includes(index) ? null : undefined,
    by: authors[index],
  }));
  return { ...trace, steps };
}

/** Whether a step's token was chosen over the pick.
 * @param {Step} step */
export const wasChosen = (step) => step.insteadOf !== undefined;

/** The text on screen, as tokens' texts.
 * @param {Trace} trace */
export const text = (trace) => [...trace.prompt, ...trace.steps.map((step) => step.text)];

/** The last `count` tokens' texts of the text on screen.
 * @param {Trace} trace @param {number} count */
export function lastTokens({ prompt, steps }, count) {
  const written = steps.slice(-count).map((step) => step.text);
  const missing = count - written.length;
  return missing > 0 ? [...prompt.slice(-missing), ...written] : written;
}

/** The position of the next token.
 * @param {Trace} trace */
export const position = (trace) => trace.prompt.length + trace.steps.length;

/** The next step, or null while it is unknown: its candidates are the bars, its token is the pick.
 * @param {Trace} trace @returns {Step | null} */
export const next = (trace) => trace.ahead[0] ?? trace.stale;

/** Append to the known steps. Throws RangeError where the new ones do not follow on.
 * @param {Trace} trace @param {Step[]} steps @returns {Trace} */
export function extend(trace, steps) {
  const expected = position(trace) + trace.ahead.length;
  if (steps.some((step, index) => step.position !== expected + index)) {
    throw new RangeError(`the steps do not start at ${expected}`);
  }
  return { ...trace, ahead: [...trace.ahead, ...steps], stale: null };
}

/** Append the pick. Throws RangeError where the next step is unknown.
 * @param {Trace} trace @returns {Trace} */
export function advance(trace) {
  const [step, ...ahead] = trace.ahead;
  if (!step) throw new RangeError("the next step is unknown");
  return { ...trace, steps: [...trace.steps, step], ahead };
}

/** Append one of the candidates, by its text; unless it is the pick, the known steps are dropped.
 * @param {Trace} trace @param {string} token @returns {Trace} */
export function choose(trace, token) {
  const step = next(trace);
  if (step && step === trace.ahead[0] && step.text === token) return advance(trace);
  const candidate = step && rows(step).find((other) => other.text === token);
  if (!step || !candidate) throw new RangeError("the token is not among the candidates");
  const insteadOf = step.text === token ? undefined : step.text;
  return { ...trace, steps: [...trace.steps, { ...step, ...candidate, insteadOf }], ahead: [], stale: null };
}

/** Take back all but the first `count` steps: they become the known steps.
 * @param {Trace} trace @param {number} count @returns {Trace} */
export function rewind(trace, count) {
  const { steps, ahead } = trace;
  return { ...trace, steps: steps.slice(0, count), ahead: [...steps.slice(count), ...ahead], stale: null };
}

/** The same text without known steps: for another model. */
export const fork = (/** @type {Trace} */ trace) => ({ ...trace, ahead: [], stale: null });

/** The same text without known steps, for another step of the model or other settings: the present
 * distribution stays on screen until the new one is known. */
export const refresh = (/** @type {Trace} */ trace) => ({ ...trace, ahead: [], stale: next(trace)?.candidates.length ? next(trace) : null });

/** Whether two traces have the same text, token for token.
 * @param {Trace} one @param {Trace} other */
export const isSameText = (one, other) =>
  one.text === other.text && one.steps.length === other.steps.length &&
  one.steps.every((step, index) => step === other.steps[index] || step.text === other.steps[index].text);

/** The bars of a step: its candidates, and the pick where it is none of them.
 * @param {Step} step @returns {Candidate[]} */
export function rows({ id, text: token, prob, candidates }) {
  const isListed = candidates.some((candidate) => candidate.text === token);
  return isListed ? candidates : [...candidates, { id, text: token, prob: prob ?? 0 }];
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
  return endToken !== null && trace.steps.at(-1)?.text === endToken ? "end" : null;
}
