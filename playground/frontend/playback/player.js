// Playback: one step a tick, requested ahead in chunks. Independent of DOM and network: `generate`,
// the callback for changes and that for errors are injected.

/** @import { GenerateRequest, GenerateResponse, Notice, PlayableSession, PlayerStatus, Sampling, Step, Trace } from "../types.js" */

import { config } from "../shared/config.js";
import { translate } from "../shared/messages.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { unknownCharacters } from "../shared/text.js";
import * as traces from "./trace.js";

const SLOW_MS = 300; // a longer wait is shown
const DEBOUNCE_MS = 30; // of a slider being dragged or a text being typed
const NOT_FOUND = 404;

const randomSeed = () => Math.floor(Math.random() * (config.link.seed_max + 1));

/** How many steps to request at an interval.
 * @param {number} intervalMs */
function chunkSize(intervalMs) {
  const { low, high, duration_ms: duration } = config.generation.chunk;
  return Math.min(high, Math.max(low, Math.round(duration / intervalMs)));
}

/** @returns {Sampling} */
function defaultSampling() {
  const { pick, temperature, top_k: topK, top_p: topP } = config.controls;
  return { pick: pick.default, temperature: temperature.default, top_k: topK.default, top_p: topP.default, seed: null };
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

  #generate;
  #onChange;
  #onError;
  /** Of the pending request; the response to any other is discarded.
   * @type {AbortController | null} */
  #pending = null;
  /** The request that has taken longer than SLOW_MS.
   * @type {AbortController | null} */
  #slow = null;
  #tickTimer = 0;
  #requestTimer = 0;
  #tickedAt = -Infinity;
  /** Whether a tick fell due before its step was known. */
  #late = false;

  /** @param {object} options
   * @param {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} options.generate
   * @param {() => void} options.onChange called after every change
   * @param {(message: string) => void} options.onError called for a failure that is no notice */
  constructor({ generate, onChange, onError }) {
    this.#generate = generate;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  // State

  /** Characters of the prompt outside the vocabulary; none while the model is untrained. */
  get unknown() {
    if (!this.session?.vocabulary.length) return [];
    return unknownCharacters(this.trace.prompt.join(""), this.session.known);
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

  /** The token that `choose` appends by default. */
  get highlighted() {
    if (!this.next) return null;
    const listed = traces.rows(this.next).some(({ token }) => token === this.highlight);
    return listed ? this.highlight : this.next.token;
  }

  /** Whether the next step has been pending for longer than SLOW_MS. */
  get isWaiting() {
    const missing = this.next === null || this.choosing !== null || this.#late;
    return missing && this.#slow !== null && this.#slow === this.#pending;
  }

  get canPlay() {
    return this.status === "paused" && !this.notice?.locks;
  }

  get canChoose() {
    return this.canPlay && this.next !== null && this.choosing === null;
  }

  get canRegenerate() {
    return Boolean(this.session) && this.trace.steps.length > 0 && !this.notice?.locks;
  }

  /** The seed in use, whether set or random. */
  get usedSeed() {
    return this.sampling.seed ?? this.seed;
  }

  // Commands

  play() {
    if (!this.canPlay) return;
    this.#cancel();
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
   * @param {string | null} [token] */
  choose(token = this.highlighted) {
    if (!this.canChoose || token === null) return;
    this.#cancel();
    this.notice = null;
    if (token === this.next?.token && this.trace.ahead.length > 1) {
      this.#append(traces.advance(this.trace));
    } else {
      this.choosing = token;
      this.#request([token], chunkSize(this.intervalMs), (steps) =>
        this.#append(traces.extend(traces.fork(traces.choose(this.trace, token)), steps)));
    }
    this.#onChange();
  }

  /** @param {number} by rows, negative for upwards */
  moveHighlight(by) {
    if (!this.canChoose || !this.next) return;
    const tokens = traces.rows(this.next).map(({ token }) => token);
    const index = tokens.indexOf(this.highlighted ?? "") + by;
    this.highlight = tokens[Math.min(tokens.length - 1, Math.max(0, index))];
    this.#onChange();
  }

  /** Remove the generated text and start again: with a new seed, unless the visitor set one. */
  regenerate() {
    if (!this.canRegenerate) return;
    this.seed = randomSeed();
    this.#replaceTrace(traces.fork(traces.rewind(this.trace, 0)));
    if (this.playing) this.#schedule(this.intervalMs);
  }

  retry() {
    this.notice = null;
    this.#proceed();
  }

  /** The session's training has ended; the text stays.
   * @param {boolean} gone whether its model was removed as well */
  endTraining(gone) {
    const remedy = this.session ? undefined : translate("status.use_bundled");
    this.pause({ text: translate("status.training_ended"), remedy, locks: gone });
  }

  // Inputs

  /** @param {string} text */
  setPrompt(text) {
    if (text === this.trace.prompt.join("")) return;
    this.#halt();
    this.#replaceTrace(traces.start(text));
  }

  /** Replace prompt and generated text.
   * @param {Trace} trace */
  restore(trace) {
    this.#halt();
    this.#replaceTrace(trace);
  }

  /** Another session keeps the prompt; another step of the same session keeps the whole text.
   * @param {PlayableSession | null} session @param {number | null} step @param {boolean} [newest] */
  setSession(session, step, newest = false) {
    const isSame = session && this.session?.session_id === session.session_id;
    if (isSame && this.session === session && this.step === step && this.newest === newest && !this.notice) return;
    if (!isSame) this.#halt();
    Object.assign(this, { session, step, newest });
    this.#replaceTrace(isSame ? traces.fork(this.trace) : traces.start(this.trace.prompt.join("")));
  }

  /** @param {number} intervalMs */
  setInterval(intervalMs) {
    this.intervalMs = intervalMs;
    if (this.playing && !this.#late) {
      this.#schedule(Math.max(0, this.#tickedAt + intervalMs - performance.now()));
    }
    this.#proceed();
  }

  /** @param {Partial<Sampling>} changes */
  setSampling(changes) {
    const before = JSON.stringify(this.#params);
    this.sampling = { ...this.sampling, ...changes };
    if (JSON.stringify(this.#params) !== before) this.#replaceTrace(traces.fork(this.trace));
    else this.#onChange();
  }

  // Loop

  get #params() {
    const { pick, temperature, top_k: topK, top_p: topP } = this.sampling;
    if (pick !== "sample") return { temperature: 0 };
    return { temperature, top_k: topK, top_p: topP, seed: this.usedSeed };
  }

  /** @param {Trace} trace */
  #replaceTrace(trace) {
    this.#cancel();
    this.trace = trace;
    this.notice = null;
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
    this.#late = false;
    clearTimeout(this.#tickTimer);
    this.#cancel();
    this.notice = notice;
  }

  #cancel() {
    this.#pending?.abort();
    this.#pending = null;
    this.choosing = null;
  }

  /** @param {number} delayMs */
  #schedule(delayMs) {
    clearTimeout(this.#tickTimer);
    this.#tickTimer = setTimeout(() => this.#tick(), delayMs);
  }

  #tick() {
    // The last known step is not appended: the bars show its distribution.
    this.#late = this.trace.ahead.length < 2;
    if (!this.#late) {
      this.#tickedAt = performance.now();
      this.#schedule(this.intervalMs);
      this.#append(traces.advance(this.trace));
    }
    this.#proceed();
  }

  /** Request what is missing: the distribution to show, or enough steps to continue playing. */
  #proceed() {
    const { ahead, steps } = this.trace;
    const n = chunkSize(this.intervalMs);
    const hasBars = this.session && this.trace.prompt.length && !this.unknown.length;
    const isStuck = this.notice?.retry || this.notice?.locks;
    if (hasBars && !isStuck && !this.#pending) {
      const enough = this.playing ? n / 2 : 0;
      if (ahead.length <= enough && steps.length + ahead.length <= config.generation.tokens_max) {
        this.#request(ahead.map((step) => step.token), this.playing ? n : 1, (more) => {
          this.trace = traces.extend(this.trace, more);
        });
      }
    }
    this.#onChange();
  }

  /** Request the n steps after the text on screen and some more tokens.
   * @param {string[]} tokens @param {number} n @param {(steps: Step[]) => void} apply */
  async #request(tokens, n, apply) {
    const { session } = this;
    if (!session) return;
    const pending = (this.#pending = new AbortController());
    const context = [...traces.text(this.trace), ...tokens];
    const body = {
      session_id: session.session_id,
      step: this.newest ? null : this.step,
      context: context.slice(-session.block_size).join(""),
      position: context.length,
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
      if (this.newest) this.step = response.step;
      apply(response.steps);
      if (this.#late) this.#tick();
      else this.#proceed();
    } catch (error) {
      if (this.#pending !== pending) return;
      this.#pending = null;
      this.#fail(error);
    }
  }

  /** @param {unknown} reason */
  #fail(reason) {
    const failure = asRequestError(reason);
    const { kind, status, error } = failure;
    if (kind === "timeout") this.#halt({ text: translate("status.timed_out"), retry: true });
    else if (status === NOT_FOUND && this.session?.source === "live") {
      const hasEnded = error === "SessionNotFound"; // else the step was replaced by a later one
      this.#halt(hasEnded
        ? { text: translate("status.training_ended"), locks: true }
        : { text: translate("status.learned_on"), retry: true });
    } else if (error === "ModelNotInitialized") {
      this.#halt({ text: translate("status.initializing"), retry: true });
    } else {
      this.#halt(this.next ? null : { text: translate("status.no_odds"), retry: true });
      this.#onError(describeError(failure));
    }
    this.#onChange();
  }
}
