// A generation as an immutable value: the prompt, the steps on screen, and the steps known to follow.
// Pure: no DOM, no network; every transition returns a new trace.
//
// Trace: {prompt: [Token, …], tokenizer, text, steps: [Step, …], ahead: [Step, …], stale: Step or null, branches}
//        text: the prompt as a string; tokenizer: the session whose model has its tokens, null where
//        each is a character. steps are on screen; ahead[0] is the distribution of the
//        character after them; stale: what it was before the model or the settings changed, until
//        the new one is known; branches: what was left of it, see branches.js

/** @import { Author, Branches, Candidate, Completion, PlayableSession, Rest, Step, Token, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { characters } from "../shared/text.js";
import { characterTokens, piecesOf, textOf, tokensAfter, tokensAt, wholeLength } from "./tokens.js";

/** @type {Branches} */
export const NO_BRANCHES = { list: [], nextId: 1 };

/** @param {string} text @param {Branches} [branches] @returns {Trace} */
export const start = (text, branches = NO_BRANCHES) =>
  ({ prompt: characterTokens(text), tokenizer: null, text, steps: [], ahead: [], stale: null, branches });

/** The same text with other tokens for its prompt.
 * @param {Trace} trace @param {Token[]} prompt @param {string | null} tokenizer @returns {Trace} */
export function withPrompt(trace, prompt, tokenizer) {
  const steps = trace.steps.map((step, index) => ({ ...step, position: prompt.length + index }));
  return { ...trace, prompt, tokenizer, steps, ahead: [], stale: null };
}

/** Whether a step is of a session's own tokens.
 * @param {Step} step @param {string} id of the session */
const isOwn = (step, id) => step.id >= 0 && step.by?.session_id === id;

/** How many steps come before those at the end that are of a session's own tokens.
 * @param {Pick<Trace, "steps">} trace @param {string} id of the session */
export const foreignLength = ({ steps }, id) => steps.findLastIndex((step) => !isOwn(step, id)) + 1;

/** The same text in a model's tokens: its prompt, and its first `count` steps, which others wrote. Null
 * where a token lies across the end of the prompt.
 * @param {Trace} trace @param {Token[]} tokens of the prompt and those steps @param {number} count
 * @param {string} tokenizer @returns {Trace | null} */
export function withTokens(trace, tokens, count, tokenizer) {
  const written = count === 0 ? [] : tokensAfter(tokens, characters(trace.text).length);
  if (!written) return null;
  const others = trace.steps.slice(0, count);
  const writers = piecesOf(others).flatMap((piece, index) =>
    characters(piece).map((_, at) => ({ by: others[index].by, isChosen: at === 0 && wasChosen(others[index]) })));
  let from = 0;
  const authors = piecesOf(written).map((piece) => {
    const { by } = writers[Math.min(from, writers.length - 1)];
    from += characters(piece).length;
    return by;
  });
  const chosen = tokensAt(written, writers.flatMap(({ isChosen }, index) => (isChosen ? [index] : [])));
  const { steps } = restore(trace.text, written, chosen, authors);
  const prompt = tokens.slice(0, tokens.length - written.length);
  return withPrompt({ ...trace, steps: [...steps, ...trace.steps.slice(count)] }, prompt, tokenizer);
}

/** Whether the prompt still has to be cut into the tokens of a session's model.
 * @param {Trace} trace @param {PlayableSession | null | undefined} session */
export const isUntokenized = ({ tokenizer, text }, session) =>
  session?.tokenizer === "tokens" && text !== "" && tokenizer !== session.session_id;

/** The same text for a session whose tokens are characters; for others it is cut anew.
 * @param {Trace} trace @param {PlayableSession | null | undefined} session @returns {Trace} */
export function inCharacters(trace, session) {
  if (session?.tokenizer !== "characters" || trace.tokenizer === null) return trace;
  const pieces = piecesOf(trace.steps);
  const steps = trace.steps.flatMap((step, index) => {
    if (pieces[index] === step.text && characters(step.text).length === 1) return [step];
    const { by } = step;
    const isOwn = by?.session_id === session.session_id; // else it is none of its author's tokens
    return characters(pieces[index]).map((text, at) => ({
      position: 0, id: isOwn ? session.known.get(text) ?? -1 : -1, text, prob: null, candidates: [], other: null, by,
      insteadOf: at === 0 && wasChosen(step) ? null : undefined,
    }));
  });
  return withPrompt({ ...trace, steps }, characterTokens(trace.text), null);
}

/** A trace with steps whose tokens are known and whose distributions are not.
 * @param {string} prompt @param {Token[]} tokens
 * @param {number[]} [chosen] indices of tokens that were chosen over the pick
 * @param {(Author | undefined)[]} [authors] the model that wrote each token
 * @param {(number | null)[]} [probs] the probability that each had
 * @returns {Trace} */
export function restore(prompt, tokens, chosen = [], authors = [], probs = []) {
  const trace = start(prompt);
  const steps = tokens.map(({ id, text, bytes }, index) => ({
    position: trace.prompt.length + index,
    id,
    text,
    ...(bytes && { bytes }),
    prob: null,
    candidates: [],
    other: null,
    insteadOf: chosen.includes(index) ? null : undefined,
    by: authors[index],
    knownProb: probs[index] ?? null,
  }));
  return { ...trace, steps };
}

/** Whether a step's token was chosen over the pick.
 * @param {Pick<Step, "insteadOf">} step */
export const wasChosen = (step) => step.insteadOf !== undefined;

/** The probability that a step's token had; null where it isn't known.
 * @param {Pick<Step, "prob" | "knownProb">} step */
export const probOf = ({ prob, knownProb }) => prob ?? knownProb ?? null;

/** The text on screen, as what each token shows.
 * @param {Trace} trace */
export const text = ({ prompt, steps }) => [...piecesOf(prompt), ...piecesOf(steps)];

/** What the last `count` tokens of the text on screen show, or of its first `end` tokens.
 * @param {Trace} trace @param {number} count @param {number} [end] */
export function lastTokens({ prompt, steps }, count, end = prompt.length + steps.length) {
  const from = Math.max(0, end - count);
  const written = piecesOf(steps.slice(Math.max(0, from - prompt.length), Math.max(0, end - prompt.length)));
  return from < prompt.length ? [...piecesOf(prompt.slice(from, Math.min(end, prompt.length))), ...written] : written;
}

/** The position from which on a text is short enough to be scored, in characters.
 * @param {Trace} trace @param {number} [end] */
export function scoredFrom(trace, end = position(trace)) {
  const most = config.score.text_max;
  if (trace.tokenizer === null) return Math.max(0, end - most);
  const shown = text(trace);
  let from = end, length = 0;
  while (from > 0 && (length += characters(shown[from - 1]).length) <= most) from -= 1;
  return from;
}

/** The first position with anything before it that a request can be about: no part of a character.
 * @param {Trace} trace */
export const firstPosition = ({ prompt, tokenizer }) =>
  (tokenizer === null ? 1 : prompt.findIndex(({ text: name, part = name }) => part !== "") + 1);

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

/** A step with another token of its candidates.
 * @param {Step} step @param {Candidate} candidate @returns {Step} */
export const asToken = (step, candidate) => ({ ...step, bytes: undefined, ...candidate });

/** Append one of the candidates, by its text; unless it is the pick, the known steps are dropped.
 * @param {Trace} trace @param {string} token @returns {Trace} */
export function choose(trace, token) {
  const step = next(trace);
  if (step && step === trace.ahead[0] && step.text === token) return advance(trace);
  const candidate = step && rows(step).find((other) => other.text === token);
  if (!step || !candidate) throw new RangeError("the token is not among the candidates");
  const insteadOf = step.text === token ? undefined : step.text;
  return { ...trace, steps: [...trace.steps, { ...asToken(step, candidate), insteadOf }], ahead: [], stale: null };
}

/** Take back all but the first `count` steps: they become the known steps.
 * @param {Trace} trace @param {number} count @returns {Trace} */
export function rewind(trace, count) {
  const { steps, ahead } = trace;
  return { ...trace, steps: steps.slice(0, count), ahead: [...steps.slice(count), ...ahead], stale: null };
}

/** The text of the token at a position; undefined beyond the end.
 * @param {Trace} trace @param {number} index @returns {string | undefined} */
export const tokenAt = ({ prompt, steps }, index) =>
  (index < prompt.length ? prompt[index] : steps[index - prompt.length])?.text;

/** The message that names a position: the number of a character, or of a token.
 * @param {Trace} trace */
export const positionKey = ({ tokenizer }) => (tokenizer === null ? "drawer.place" : "drawer.place__tokens");

/** The first `count` tokens of a text, typed or written; what was known to follow is dropped. Typed
 * tokens at the end that are a part of a character count as written: no input holds them.
 * @param {Trace} trace @param {number} count @param {Author} [by] whose tokens they are @returns {Trace} */
export function cut(trace, count, by) {
  const { prompt, steps, tokenizer } = trace;
  if (count >= prompt.length) return { ...trace, steps: steps.slice(0, count - prompt.length), ahead: [], stale: null };
  const end = wholeLength(prompt.slice(0, count));
  const typed = prompt.slice(0, end);
  const before = { ...start("", trace.branches), prompt: typed, tokenizer, text: textOf(typed) };
  const parts = prompt.slice(end, count).map(({ id, text: name, bytes }, index) =>
    ({ position: end + index, id, text: name, bytes, prob: null, candidates: [], other: null, by }));
  return { ...before, steps: parts };
}

/** What of a text was written, without a part of a character at its end.
 * @param {Trace} trace */
export const wholeSteps = ({ steps }) => steps.slice(0, wholeLength(steps));

/** A text up to a position, and another of the candidates in place of the token there.
 * Throws RangeError where it is none of the candidates.
 * @param {Trace} trace @param {Step} picked the distribution there, with the model's own pick
 * @param {string} token @returns {Trace} */
export function branch(trace, picked, token) {
  const before = cut(trace, picked.position, picked.by);
  const candidate = rows(picked).find((other) => other.text === token);
  if (!candidate) throw new RangeError("the token is not among the candidates");
  const insteadOf = picked.text === token ? undefined : picked.text;
  return { ...before, steps: [...before.steps, { ...asToken(picked, candidate), insteadOf }] };
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

/** Whether two traces have the same text and the same branches.
 * @param {Trace} one @param {Trace} other */
export const isSame = (one, other) => one.branches === other.branches && isSameText(one, other);

/** The bars of a step: its candidates, and the pick where it is none of them.
 * @param {Step} step @returns {Candidate[]} */
export function rows({ id, text: token, bytes, prob, candidates }) {
  const isListed = candidates.some((candidate) => candidate.text === token);
  return isListed ? candidates : [...candidates, { id, text: token, ...(bytes && { bytes }), prob: prob ?? 0 }];
}

/** The tokens without a bar: their number and total probability.
 * @param {Step} step @returns {Rest} */
export function rest(step) {
  const other = step.other ?? { count: 0, prob: 0 };
  if (rows(step).length === step.candidates.length) return other;
  return { count: other.count - 1, prob: Math.max(0, other.prob - (step.prob ?? 0)) };
}

/** Why a text is complete: "max", "end", or null where it is not.
 * @param {Trace} trace @param {string[]} endTokens @returns {Completion} */
export function completion(trace, endTokens) {
  if (trace.steps.length >= config.generation.tokens_max) return "max";
  return endTokens.includes(trace.steps.at(-1)?.text ?? "") ? "end" : null;
}
