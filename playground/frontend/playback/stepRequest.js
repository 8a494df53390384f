// The request for the next steps: one at a time. What comes of one that was given up is discarded.

/** @import { GenerateRequest, PlayableSession, ScoreRequest, Token, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { textOf } from "./tokens.js";
import { foreignLength, lastTokens, position } from "./trace.js";

const SLOW_MS = 300; // a longer wait is shown

/** The model and the settings that steps are asked for with. newest: whichever step is the newest by then.
 * @typedef {{ session: PlayableSession, step: number | null, newest: boolean, params: { temperature: number, top_k?: number, top_p?: number, seed?: number } }} Writer */

/** How many steps to request at an interval.
 * @param {number} intervalMs @param {boolean} [isShort] */
export function chunkSize(intervalMs, isShort = false) {
  const { low, high, duration_ms: long, short_duration_ms: short } = config.generation.chunk;
  return Math.min(high, Math.max(low, Math.round((isShort ? short : long) / intervalMs)));
}

/** How many steps to request when nothing is known ahead and a step may cost much.
 * @param {number} n steps of a chunk */
export function firstChunk(n) {
  const { low, first } = config.generation.chunk;
  return Math.max(low, Math.round(n * first));
}

/** How many steps of a chunk are left when the next one is requested, at random.
 * @param {number} n steps of a chunk */
export function randomReserve(n) {
  const { low, high } = config.generation.chunk.reserve;
  return n * (low + Math.random() * (high - low));
}

/** The request for the n steps after a text, or its first `end` tokens, and some more tokens.
 * @param {Writer & { trace: Trace, end?: number, tokens?: Token[], n: number }} what @returns {GenerateRequest} */
export function stepBody({ session, step, newest, params, trace, end = position(trace), tokens = [], n }) {
  return {
    session_id: session.session_id,
    step: newest ? null : step,
    ...(session.tokenizer === "tokens" ? contextWithIds : contextOf)(session, trace, end, tokens),
    position: end + tokens.length,
    n,
    ...params,
  };
}

/** As much of a text as the model reads.
 * @param {PlayableSession} session @param {Trace} trace @param {number} end @param {Token[]} tokens */
function contextOf(session, trace, end, tokens) {
  const size = session.block_size ?? Infinity; // unknown while it is untrained
  return { context: [...lastTokens(trace, size, end), ...tokens.map(({ text }) => text)].slice(-size).join("") };
}

/** A text for a model whose tokens are pieces of words: its tokens by their ids, for a part of a text may
 * fall into other ones. What others have written is text, and so is a whole prompt: of a part of one,
 * the first character.
 * @param {Pick<PlayableSession, "session_id" | "block_size">} session @param {Trace} trace @param {number} end
 * @param {Token[]} tokens @returns {{ context: string, context_ids: number[] }} */
export function contextWithIds({ session_id: id, block_size: size }, trace, end, tokens) {
  const { prompt, tokenizer, text, steps } = trace;
  if (tokenizer === id && end < prompt.length) {
    const { context, context_ids: ids } = partWithIds(trace, Math.max(0, end - (size ?? 0) - 1), end); // one is not read
    return { context, context_ids: [...ids, ...idsOf(tokens)] };
  }
  const written = steps.slice(0, Math.max(0, end - prompt.length));
  const from = foreignLength({ steps: written }, id);
  const typed = end < prompt.length ? textOf(prompt.slice(0, end)) : text;
  return { context: typed + textOf(written.slice(0, from)), context_ids: idsOf([...written.slice(from), ...tokens]) };
}

/** The request for the score of a text from a position on.
 * @param {{ session: PlayableSession, step: number | null, newest?: boolean }} writer @param {Trace} trace
 * @param {number} from @param {number} [end] @returns {ScoreRequest} */
export function scoreBody({ session, step, newest = false }, trace, from, end = position(trace)) {
  const asked = { session_id: session.session_id, step: newest ? null : step };
  if (session.tokenizer !== "tokens") return { ...asked, text: lastTokens(trace, end - from, end).join("") };
  const { context, context_ids: ids } = from > 0 ? partWithIds(trace, from, end) : contextWithIds(session, trace, end, []);
  return { ...asked, text: context, text_ids: ids };
}

/** A part of a text: its first token that a request can be about, and the ids of the others.
 * @param {Trace} trace @param {number} from @param {number} end */
function partWithIds({ prompt, steps }, from, end) {
  const tokens = [...prompt, ...steps].slice(from, end);
  const first = Math.max(0, tokens.findIndex((token) => textOf([token]) !== "" && !(token.bytes && !token.part)));
  return { context: textOf([tokens[first]]), context_ids: idsOf(tokens.slice(first + 1)) };
}

/** @param {Token[]} tokens */
const idsOf = (tokens) => tokens.map(({ id }) => id);

/** A request at a time, and whether it is slow.
 * @template Body, Answer */
export class StepRequest {
  #latest = new LatestRequest();
  #ask;
  #onSlow;
  #isSlow = false;
  #timer = 0;

  /** @param {(body: Body, signal: AbortSignal) => Promise<Answer>} ask
   * @param {() => void} onSlow called when a request is slow */
  constructor(ask, onSlow) {
    this.#ask = ask;
    this.#onSlow = onSlow;
  }

  get isPending() {
    return this.#latest.isPending;
  }

  /** Whether one has been pending for longer than SLOW_MS. */
  get isSlow() {
    return this.#isSlow && this.isPending;
  }

  /** Give the request up. */
  cancel() {
    this.#latest.cancel();
  }

  /** Resolves with the response, or with null for a request that was given up. Throws what `ask`
   * throws.
   * @param {Body} body @returns {Promise<Answer | null>} */
  send(body) {
    clearTimeout(this.#timer);
    this.#isSlow = false;
    this.#timer = setTimeout(() => {
      if (!this.isPending) return;
      this.#isSlow = true;
      this.#onSlow();
    }, SLOW_MS);
    return this.#latest.send((signal) => this.#ask(body, signal));
  }
}
