// Playback: one step a tick, requested ahead in chunks. Independent of DOM and network: `generate`,
// the callback for changes and that for errors are injected.

/** @import { Author, GenerateRequest, GenerateResponse, History, Notice, PlayableSession, PlayerStatus, Sampling, Step, TextState, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { adaptToVocabulary } from "../shared/text.js";
import { decodeStep } from "./decode.js";
import { reactTo } from "./failures.js";
import * as histories from "./history.js";
import { defaultSampling, randomSeed, samplingParams } from "./sampling.js";
import { Ticker } from "./ticker.js";
import * as traces from "./trace.js";
import { UnknownCharacters } from "./unknown.js";

const SLOW_MS = 300; // a longer wait is shown
const DEBOUNCE_MS = 30; // of a slider being dragged or a text being typed
const TYPING_MS = 1000; // letters typed in closer succession are undone together
const STAGED_MS = 300; // from this interval on the choice is staged
const STAGE_PART = 0.5; // of the interval
const STAGE_MAX_MS = 450;
const PACE_MAX = 8; // times the interval: the slowest that an overloaded server makes it

/** How many steps to request at an interval.
 * @param {number} intervalMs */
function chunkSize(intervalMs) {
  const { low, high, duration_ms: duration } = config.generation.chunk;
  return Math.min(high, Math.max(low, Math.round(duration / intervalMs)));
}

export class Player {
  /** undefined: not known yet; null: there is none.
   * @type {PlayableSession | null | undefined} */
  session = undefined;
  /** Training step of the model.
   * @type {number | null} */
  step = null;
  /** Whether each request uses the newest training step there is by then. */
  newest = false;
  /** @type {Trace} */
  trace = traces.start("");
  /** @type {History} */
  history = histories.emptyHistory;
  playing = false;
  /** The token that the highlight was moved to; null: the pick.
   * @type {string | null} */
  highlight = null;
  /** The token that was chosen, while the distribution after it is requested.
   * @type {string | null} */
  choosing = null;
  /** @type {Notice | null} */
  notice = null;
  intervalMs = config.controls.speed.default;
  sampling = defaultSampling();
  /** In use unless the visitor set one. */
  seed = randomSeed();
  /** Times the interval: more than 1 while the server is overloaded. */
  pace = 1;
  /** Whether the pick is on its way into the text. */
  isTaking = false;

  #generate;
  #onChange;
  #onError;
  #onLost;
  /** Of the pending request; the response to any other is discarded.
   * @type {AbortController | null} */
  #pending = null;
  /** The request that has taken longer than SLOW_MS.
   * @type {AbortController | null} */
  #slow = null;
  #ticker = new Ticker(() => this.#tick(), () => this.#stage());
  #requestTimer = 0;
  #retryTimer = 0;
  #typedAt = -Infinity;
  /** Whether a tick fell due before its step was known. */
  #late = false;
  /** Whether a request is tried again although the server was away. */
  #isRetrying = false;
  /** Whether the pick is to be appended as soon as it is known. */
  #isEager = false;
  #unknown = new UnknownCharacters();

  /** @param {object} options
   * @param {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} options.generate
   * @param {() => void} options.onChange called after every change
   * @param {(message: string) => void} options.onError called with what a toast has to say
   * @param {() => void} [options.onLost] called when the server gives no answer; `reconnect` goes on */
  constructor({ generate, onChange, onError, onLost = () => {} }) {
    this.#generate = generate;
    this.#onChange = onChange;
    this.#onError = onError;
    this.#onLost = onLost;
  }

  // State

  /** Characters of the text outside the vocabulary; none while the model is untrained. */
  get unknown() {
    return this.#unknown.of(this.trace, this.session);
  }

  /** @returns {PlayerStatus} */
  get status() {
    if (this.session === undefined) return "loading";
    if (this.session === null) return "no-model";
    if (this.trace.prompt.length === 0) return "no-input";
    if (this.unknown.length) return "unknown";
    return traces.completion(this.trace, this.session.end_token) ?? (this.playing ? "playing" : "paused");
  }

  /** The step whose distribution the bars show, or null while it is unknown. */
  get next() {
    return traces.next(this.trace);
  }

  /** Whether the bars still show what was weighed before the model or the settings changed. */
  get isStale() {
    return this.trace.ahead.length === 0;
  }

  /** The text of the token that `choose` appends by default. */
  get highlighted() {
    if (!this.next) return null;
    const isListed = traces.rows(this.next).some(({ text }) => text === this.highlight);
    return isListed ? this.highlight : this.next.text;
  }

  /** Whether the next step has been pending for longer than SLOW_MS. */
  get isWaiting() {
    const missing = this.isStale || this.choosing !== null || this.#late;
    return missing && this.#pending !== null && this.#slow === this.#pending;
  }

  get canPlay() {
    return this.status === "paused" && !this.notice?.locks && !this.notice?.waits;
  }

  get canChoose() {
    return this.canPlay && this.next !== null && this.choosing === null;
  }

  get canRegenerate() {
    return Boolean(this.session) && this.trace.steps.length > 0 && !this.notice?.locks;
  }

  get canUndo() {
    return histories.canUndo(this.history, this.trace);
  }

  get canRedo() {
    return histories.canRedo(this.history, this.trace);
  }

  /** Milliseconds before a tick at which the pick sets out; 0 where playback is too fast for it. */
  get stageMs() {
    const interval = this.intervalMs * this.pace;
    return interval < STAGED_MS ? 0 : Math.min(STAGE_MAX_MS, STAGE_PART * interval);
  }

  /** The seed in use, whether set or random. */
  get usedSeed() {
    return this.sampling.seed ?? this.seed;
  }

  /** The model that writes now.
   * @returns {Author | undefined} */
  get author() {
    const { session, step } = this;
    return session ? { session_id: session.session_id, name: session.repo_id ?? session.name, step } : undefined;
  }

  // Commands

  play() {
    if (!this.canPlay) return;
    this.#cancel();
    this.#record("play");
    this.playing = true;
    this.highlight = this.notice = null;
    this.#schedule(0);
    this.#proceed();
  }

  /** @param {Notice | null} [notice] */
  pause(notice = null) {
    this.#halt(notice);
    this.#proceed();
  }

  /** Append a token, by default the highlighted one. Text and bars change together, once the
   * distribution after it is known.
   * @param {string | null} [token] its text */
  choose(token = this.highlighted) {
    if (!this.canChoose || token === null) return;
    const isPick = this.highlight === null && token === this.next?.text;
    if (this.isStale && isPick) {
      this.#isEager = true; // the new pick may be another one
      return;
    }
    this.#cancel();
    this.notice = null;
    this.#record("choose");
    const { trace } = this;
    if (token === trace.ahead[0]?.text && trace.ahead.length > 1) {
      this.#append(traces.advance(trace));
    } else {
      this.choosing = token;
      this.#request([token], chunkSize(this.intervalMs), (steps) =>
        this.#append(traces.extend(traces.fork(traces.choose(trace, token)), steps)));
    }
    this.#onChange();
  }

  /** @param {number} by rows, negative for upwards */
  moveHighlight(by) {
    if (!this.canChoose || !this.next) return;
    const tokens = traces.rows(this.next).map(({ text }) => text);
    const index = tokens.indexOf(this.highlighted ?? "") + by;
    this.highlight = tokens[Math.min(tokens.length - 1, Math.max(0, index))];
    this.#onChange();
  }

  /** Remove the generated text and start again: with a new seed, unless the visitor set one. */
  regenerate() {
    if (!this.canRegenerate) return;
    this.#record("regenerate");
    this.seed = randomSeed();
    this.#replaceTrace(traces.refresh(traces.rewind(this.trace, 0)));
    if (this.playing) this.#schedule(this.intervalMs);
  }

  retry() {
    this.notice = null;
    this.#proceed();
  }

  /** Return to the text before the last change. */
  undo() {
    this.#travel(histories.undo(this.history, this.trace));
  }

  /** Take the last undo back. */
  redo() {
    this.#travel(histories.redo(this.history, this.trace));
  }

  /** Go on after the connection was lost: playing, where it was. */
  reconnect() {
    if (!this.notice?.isLost) return;
    this.#isRetrying = true; // the notice stays until there is an answer
    this.#proceed();
    if (this.#pending) return;
    this.#recover();
    this.#onChange();
  }

  // Inputs

  /** @param {string} typed @param {string} [kind] of the change, for the history */
  setPrompt(typed, kind = "typing") {
    const text = this.#adapt(typed);
    if (text === this.trace.text) return this.#onChange();
    this.#halt();
    const now = performance.now();
    this.#record(kind, kind === "typing" && this.trace.steps.length === 0 && now - this.#typedAt < TYPING_MS);
    this.#typedAt = now;
    return this.#replaceTrace(traces.start(text));
  }

  /** Replace prompt and generated text.
   * @param {Trace} trace */
  restore(trace) {
    this.#halt();
    this.#record("restore");
    this.#replaceTrace(this.#adaptTrace(trace));
  }

  /** Exchange the whole text, with its history, for another one; returns the present one.
   * @param {TextState} text @returns {TextState} */
  exchangeText({ trace, history }) {
    const { trace: before, history: past } = this;
    this.#halt();
    this.history = history;
    this.#replaceTrace(trace);
    return { trace: traces.fork(before), history: past };
  }

  /** The text is kept.
   * @param {PlayableSession | null} session @param {number | null} step @param {boolean} [newest] */
  setSession(session, step, newest = false) {
    const isSame = session && this.session?.session_id === session.session_id;
    if (isSame && this.session === session && this.step === step && this.newest === newest && !this.notice) return;
    if (!isSame) this.#halt();
    Object.assign(this, { session, step, newest });
    this.#replaceTrace(isSame ? traces.refresh(this.trace) : traces.fork(this.#adaptTrace(this.trace)));
  }

  /** @param {number} intervalMs */
  setInterval(intervalMs) {
    this.intervalMs = intervalMs;
    if (this.playing && !this.#late) {
      this.#schedule(this.#ticker.remaining(intervalMs));
    }
    this.#proceed();
  }

  /** @param {Partial<Sampling>} changes */
  setSampling(changes) {
    const before = JSON.stringify(this.#params);
    this.sampling = { ...this.sampling, ...changes };
    if (JSON.stringify(this.#params) !== before) this.#replaceTrace(traces.refresh(this.trace));
    else this.#onChange();
  }

  // Loop

  /** A text in the forms that the model knows: line ends, composed letters.
   * @param {string} text */
  #adapt(text) {
    return this.session?.vocabulary.length ? adaptToVocabulary(text, this.session.known) : text;
  }

  /** @param {Trace} trace */
  #adaptTrace(trace) {
    const text = this.#adapt(trace.text);
    if (text === trace.text) return trace;
    return traces.restore(text, trace.steps, [], trace.steps.map((step) => step.by));
  }

  get #params() {
    return samplingParams(this.sampling, this.seed);
  }

  /** @param {string} kind @param {boolean} [merges] */
  #record(kind, merges = false) {
    this.history = histories.record(this.history, this.trace, kind, merges);
  }

  /** @param {{ history: History, trace: Trace } | null} found */
  #travel(found) {
    if (!found) return;
    this.#halt();
    this.history = found.history;
    this.#replaceTrace(found.trace);
  }

  /** @param {Trace} trace */
  #replaceTrace(trace) {
    this.#cancel();
    this.trace = trace;
    this.#setNotice(null);
    if (trace.prompt.length === 0) this.highlight = null;
    clearTimeout(this.#requestTimer);
    this.#requestTimer = setTimeout(() => this.#proceed(), DEBOUNCE_MS);
    this.#onChange();
  }

  /** @param {Trace} trace with a step more */
  #append(trace) {
    this.trace = trace;
    this.highlight = null;
    this.choosing = null;
    if (traces.completion(trace, this.session?.end_token ?? null)) this.#halt();
  }

  /** @param {Notice | null} [notice] */
  #halt(notice = null) {
    this.playing = false;
    this.#late = this.isTaking = false;
    this.#ticker.cancel();
    this.#cancel();
    this.#setNotice(notice);
  }

  /** A notice that the server is away, or has too much to do, stays until it isn't so.
   * @param {Notice | null} notice */
  #setNotice(notice) {
    this.notice = notice ?? (this.notice?.isLost ? this.notice : null);
  }

  #cancel() {
    this.#pending?.abort();
    this.#pending = null;
    this.choosing = null;
    this.#isEager = false;
  }

  /** @param {number} delayMs */
  #schedule(delayMs) {
    this.isTaking = false;
    this.#ticker.schedule(delayMs, this.stageMs);
  }

  /** The pick sets out. */
  #stage() {
    this.isTaking = this.trace.ahead.length > 1;
    if (this.isTaking) this.#onChange();
  }

  #tick() {
    // The last known step is not appended: the bars show its distribution.
    this.isTaking = false;
    this.#late = this.trace.ahead.length < 2;
    if (!this.#late) {
      this.#ticker.mark();
      this.#schedule(this.intervalMs * this.pace);
      this.#append(traces.advance(this.trace));
    }
    this.#proceed();
  }

  /** Request what is missing: the distribution to show, or enough steps to continue playing. */
  #proceed() {
    const { ahead, steps } = this.trace;
    const n = chunkSize(this.intervalMs);
    const hasBars = this.session && this.trace.prompt.length && !this.unknown.length;
    const isStuck = this.notice?.retry || this.notice?.locks || (this.notice?.waits && !this.#isRetrying);
    if (hasBars && !isStuck && !this.#pending) {
      const enough = this.playing ? n / 2 : 0;
      if (ahead.length <= enough && steps.length + ahead.length <= config.generation.tokens_max) {
        this.#request(ahead.map((step) => step.text), this.playing ? n : 1, (more) => {
          this.trace = traces.extend(this.trace, more);
        });
      }
    }
    this.#onChange();
  }

  /** Request the n steps after the text on screen and some more tokens.
   * @param {string[]} tokens @param {number} n @param {(steps: Step[]) => void} apply */
  async #request(tokens, n, apply) {
    const { session, author: by } = this;
    if (!session) return;
    const pending = (this.#pending = new AbortController());
    const size = session.block_size ?? Infinity; // unknown while it is untrained
    const body = {
      session_id: session.session_id,
      step: this.newest ? null : this.step,
      context: [...traces.lastTokens(this.trace, size), ...tokens].slice(-size).join(""),
      position: traces.position(this.trace) + tokens.length,
      n,
      ...this.#params,
    };
    setTimeout(() => {
      if (this.#pending !== pending) return;
      this.#slow = pending;
      this.#onChange();
    }, SLOW_MS);
    try {
      const response = await this.#generate(body, pending.signal);
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#recover();
      this.pace = Math.max(1, this.pace / 2);
      if (this.newest) this.step = response.step;
      apply(response.steps.map((step) => decodeStep(step, session, by)));
      if (this.#late) this.#tick();
      else if (this.#isEager) this.choose();
      else this.#proceed();
    } catch (error) {
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#fail(error);
    }
  }

  /** The server answers again. */
  #recover() {
    this.#isRetrying = false;
    if (this.notice?.isLost) this.notice = null;
  }

  /** @param {unknown} reason */
  #fail(reason) {
    const failure = asRequestError(reason);
    const { effect, notice, isToast, retryMs } = reactTo(failure, this.session);
    this.choosing = null;
    this.#isRetrying = false;
    if (effect === "paused") this.#halt(notice);
    else this.notice = notice;
    if (effect === "busy") {
      this.pace = Math.min(PACE_MAX, 2 * this.pace);
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.reconnect(), retryMs);
    }
    if (isToast) this.#onError(describeError(failure));
    this.#onChange();
    if (effect === "lost") this.#onLost();
  }
}
