// A run of a model as a value: what was typed, what was written, and what is known to come.
// Pure: no DOM, no network; every transition returns a new trace.
//
// Step:  {position, token, prob, candidates: [{token, prob}, …], other: {count, prob}, instead_of}
//        the distribution at a position of the text, and the token picked from it; instead_of: the
//        pick that it was chosen over, if it was
// Trace: {prompt: [character, …], steps: [Step, …], ahead: [Step, …]}
//        steps are on screen; ahead[0] is the distribution that comes after the text on screen

import { characters } from "../shared/text.js";

export const MAX_STEPS = 500;

export const start = (text) => ({ prompt: characters(text), steps: [], ahead: [] });

/** A text of which a part was written before: its tokens are known, their distributions are not. */
export function written(prompt, tokens, chosen = []) {
  const begun = start(prompt);
  const steps = tokens.map((token, index) => ({
    position: begun.prompt.length + index,
    token,
    prob: null,
    candidates: [],
    other: null,
    instead_of: chosen.includes(index) ? null : undefined,
  }));
  return { ...begun, steps };
}

/** Whether a step was chosen instead of the pick. */
export const was_chosen = (step) => step.instead_of !== undefined;

/** The text on screen, as characters. */
export const text = (trace) => [...trace.prompt, ...trace.steps.map((step) => step.token)];

/** The index of the character to come. */
export const position = (trace) => trace.prompt.length + trace.steps.length;

/** The step to come, or null while it isn't known: its candidates are the bars, its token the ✓. */
export const next = (trace) => trace.ahead[0] ?? null;

/** Know more of what comes; the steps must follow on from those that are known. */
export function foresee(trace, steps) {
  const expected = position(trace) + trace.ahead.length;
  if (steps.some((step, index) => step.position !== expected + index)) {
    throw new RangeError(`the steps do not start at ${expected}`);
  }
  return { ...trace, ahead: [...trace.ahead, ...steps] };
}

/** Append the pick. */
export function advance(trace) {
  const [step, ...ahead] = trace.ahead;
  if (!step) throw new RangeError("nothing is known of the next step");
  return { ...trace, steps: [...trace.steps, step], ahead };
}

/** Append this very token; where it isn't the pick, what was known of the future is void. */
export function choose(trace, token) {
  const step = next(trace);
  if (step && step.token === token) return advance(trace);
  const candidate = step?.candidates.find((other) => other.token === token);
  if (!candidate) throw new RangeError("the token is not among the candidates");
  return { ...trace, steps: [...trace.steps, { ...step, ...candidate, instead_of: step.token }], ahead: [] };
}

/** Take back all but the first `count` steps: they are what comes next. */
export function rewind(trace, count) {
  const { steps, ahead } = trace;
  return { ...trace, steps: steps.slice(0, count), ahead: [...steps.slice(count), ...ahead] };
}

/** The same text before an open future: after another model, or other settings. */
export const fork = (trace) => ({ ...trace, ahead: [] });

/** The rows of bars of a step: its candidates, and the pick where it isn't among them. */
export function rows(step) {
  const listed = step.candidates.some((candidate) => candidate.token === step.token);
  return listed ? step.candidates : [...step.candidates, { token: step.token, prob: step.prob }];
}

/** What the rows leave: how many tokens, and their probability together. */
export function rest(step) {
  if (rows(step).length === step.candidates.length) return step.other;
  return { count: step.other.count - 1, prob: Math.max(0, step.other.prob - step.prob) };
}

/** "max", "end" or null: whether the text is complete, and why. */
export function completion(trace, endToken) {
  if (trace.steps.length >= MAX_STEPS) return "max";
  return endToken !== null && trace.steps.at(-1)?.token === endToken ? "end" : null;
}
