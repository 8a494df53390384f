// Playback: one step a tick, requested ahead in chunks. Commands and inputs change the state
// (playerState.js); the loop appends, and requests what is missing. Independent of DOM and network:
// `generate`, the callback for changes and that for errors are injected.

/** @import { Branches, GenerateRequest, GenerateResponse, History, Notice, PlayableSession, Sampling, ScoreRequest, ScoreResponse, Step, TextState, Token, TokenizeRequest, TokenizeResponse, Trace } from "../types.js" */
/** @import { Stop } from "./stops.js" */

import { config } from "../shared/config.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import * as branching from "./branches.js";
import { decodeStep } from "./decode.js";
import { reactTo } from "./failures.js";
import * as histories from "./history.js";
import { PastSteps } from "./past.js";
import { PlayerState } from "./playerState.js";
import { randomSeed, samplingParams } from "./sampling.js";
import { chunkSize, firstChunk, randomReserve, stepBody, StepRequest } from "./stepRequest.js";
import { Ticker } from "./ticker.js";
import { textOf, typedTokens, wholeLength } from "./tokens.js";
import * as traces from "./trace.js";
import { adapt, adaptTrace } from "./unknown.js";

const DEBOUNCE_MS = 30; // of a slider being dragged or a text being typed
const TYPING_MS = 1000; // letters typed in closer succession are undone together
const PACE_MAX = 8; // times the interval: the slowest that an overloaded server makes it

export class Player extends PlayerState {
  #onChange;
  #onError;
  #onLost;
  #request;
  #tokenizing;
  #past;
  /** The place to go to once the prompt is tokenized.
   * @type {number | null} */
  #pendingPosition = null;
  /** When writing stops by itself.
   * @type {{ stop: Stop, from: number } | null} */
  #stop = null;
  #ticker = new Ticker(() => this.#tick(), () => this.#animatePick());
  /** Whether no chunk has come since Play was pressed. */
  #isStarting = false;
  /** With so many known steps left, more are requested. */
  #reserve = 0;
  #requestTimer = 0;
  #retryTimer = 0;
  #typedAt = -Infinity;
  /** Whether a tick fell due before its step was known. */
  #late = false;
  /** Whether a request is tried again although the server was away. */
  #isRetrying = false;
  /** Whether the pick is to be appended as soon as it is known. */
  #isEager = false;

  /** @param {object} options
   * @param {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} options.generate
   * @param {() => void} options.onChange called after every change
   * @param {(message: string) => void} options.onError called with what a toast has to say
   * @param {(body: ScoreRequest) => Promise<ScoreResponse>} options.score
   * @param {(body: TokenizeRequest, signal: AbortSignal) => Promise<TokenizeResponse>} options.tokenize
   * @param {() => void} [options.onLost] called when the server gives no answer; `reconnect` goes on */
  constructor({ generate, score, tokenize, onChange, onError, onLost = () => {} }) {
    super();
    this.#past = new PastSteps(generate, score, onChange);
    this.#request = new StepRequest(generate, onChange);
    this.#tokenizing = new StepRequest(tokenize, onChange);
    this.#onChange = onChange;
    this.#onError = onError;
    this.#onLost = onLost;
  }

  /** Whether the next step has been awaited for long. */
  get isWaiting() {
    if (this.caret !== null) return this.isStale && this.#past.isSlow;
    const missing = this.isStale || this.choosing !== null || this.#late;
    return missing && (this.#request.isSlow || this.#tokenizing.isSlow);
  }

  // Commands

  play() {
    if (!this.canPlay) return;
    this.#cancel();
    this.#record("play");
    this.#setCaret(null);
    this.playing = this.#isStarting = true;
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
    if (this.caret !== null) {
      this.#chooseAt(this.caret, token);
      return;
    }
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
      const chosen = traces.fork(traces.choose(trace, token));
      this.#load(chosen, [], this.#chunk, (steps) => this.#append(traces.extend(chosen, steps)));
    }
    this.#onChange();
  }

  /** Show what was weighed at an earlier place; null returns to the end.
   * @param {number | null} position of a token of the text; clamped */
  goTo(position) {
    if (this.choosing !== null) return; // it would lead away from the place where it comes
    if (this.playing) this.#halt();
    this.#pendingPosition = this.isUntokenized ? position : null;
    if (position === null || !this.canLookBack || this.length === 0) this.#setCaret(null);
    else this.#setCaret(Math.min(this.length, Math.max(0, position)) < this.length ? Math.max(0, position) : null);
    this.#proceed();
  }

  /** Write until there is enough.
   * @param {Stop} stop */
  write(stop) {
    this.play();
    if (!this.playing) return;
    this.#stop = { stop, from: this.trace.steps.length };
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
    this.#replaceTrace(traces.refresh(traces.rewind(this.#withOwnBranch(), 0)));
    this.#stop = null;
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

  /** Nothing can be undone but what comes. */
  forgetChanges() {
    this.history = histories.emptyHistory;
    this.#onChange();
  }

  /** Go on in a branch; the present text becomes one.
   * @param {number} id */
  resume(id) {
    const { branches } = this.#withOwnBranch();
    this.continueWith(branching.traceOf(branching.path(branches, id), branches));
  }

  /** Go on with another text of the same model; the present one becomes a branch.
   * @param {Trace} trace */
  continueWith(trace) {
    this.#halt();
    this.#record("resume");
    this.#showText({ ...trace, branches: this.#withOwnBranch().branches });
  }

  /** Name, pin or remove a branch: it is undone as a change of the text is.
   * @param {(branches: Branches) => Branches} change of the branches with the present text among them */
  changeBranches(change) {
    this.#record("branches");
    this.trace = { ...this.trace, branches: change(this.#withOwnBranch().branches) };
    this.#onChange();
  }

  /** Go on after the connection was lost: playing, where it was. */
  reconnect() {
    if (!this.notice?.isLost) return;
    this.#isRetrying = true; // the notice stays until there is an answer
    this.#proceed();
    if (this.#request.isPending || this.#tokenizing.isPending || this.#past.isPending) return;
    this.#recover();
    this.#onChange();
  }

  // Inputs

  /** @param {string} typed @param {string} [kind] of the change, for the history */
  setPrompt(typed, kind = "typing") {
    const text = adapt(typed, this.session);
    if (text === this.trace.text) return this.#onChange();
    this.#halt();
    const now = performance.now();
    this.#record(kind, kind === "typing" && this.trace.steps.length === 0 && now - this.#typedAt < TYPING_MS);
    this.#typedAt = now;
    return this.#showText(traces.start(text, this.trace.branches));
  }

  /** Replace prompt and generated text.
   * @param {Trace} trace @param {string} [name] of the branch that it is */
  restore(trace, name = "") {
    this.#halt();
    this.#record("restore");
    const restored = { ...adaptTrace(trace, this.session), branches: this.trace.branches };
    this.#showText(name ? { ...restored, branches: branching.nameText(restored, name) } : restored);
  }

  /** Exchange the whole text, with its history, for another one; returns the present one.
   * @param {TextState} text @returns {TextState} */
  exchangeText({ trace, history }) {
    const { trace: before, history: past } = this;
    this.#unlock();
    this.#halt();
    this.history = history;
    this.#showText(trace);
    return { trace: traces.fork(before), history: past };
  }

  /** The text is kept.
   * @param {PlayableSession | null} session @param {number | null} step @param {boolean} [newest] */
  setSession(session, step, newest = false) {
    const isSame = session && this.session?.session_id === session.session_id;
    if (isSame && this.session === session && this.step === step && this.newest === newest && !this.notice) return;
    this.#unlock();
    if (!isSame) this.#halt();
    Object.assign(this, { session, step, newest });
    const isChoosing = this.choosing !== null || this.#isEager;
    if (isSame && newest && isChoosing) this.#onChange(); // what was chosen comes, whichever weights are the newest
    else if (isSame) this.#replaceTrace(traces.refresh(this.trace), this.caret);
    else this.#replaceTrace(traces.fork(adaptTrace(this.trace, session)));
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
    if (JSON.stringify(this.#params) !== before) this.#replaceTrace(traces.refresh(this.trace), this.caret);
    else this.#onChange();
  }

  // Loop

  get #params() {
    return samplingParams(this.sampling, this.seed);
  }

  /** The text with itself among its branches. */
  #withOwnBranch() {
    const { trace } = this;
    if (this.isUntokenized) return trace; // as characters it would be another text
    return { ...trace, branches: branching.keep(trace.branches, branching.pathOf(trace)).branches };
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
    this.#showText(found.trace);
  }

  /** Show another text: what was marked in the one before is marked no more.
   * @param {Trace} trace */
  #showText(trace) {
    this.highlight = null;
    this.#replaceTrace(trace);
  }

  /** @param {Trace} trace @param {number | null} [caret] where it is to stay */
  #replaceTrace(trace, caret = null) {
    this.#cancel();
    this.#pendingPosition = null;
    this.trace = traces.inCharacters(trace, this.session);
    this.#setCaret(caret);
    this.#setNotice(null);
    clearTimeout(this.#requestTimer);
    this.#requestTimer = setTimeout(() => this.#proceed(), DEBOUNCE_MS);
    this.#onChange();
  }

  /** @param {Trace} trace with a step more */
  #append(trace) {
    this.trace = trace;
    this.highlight = null;
    this.choosing = null;
    this.#setCaret(null);
    if (traces.completion(trace, this.session?.end_tokens ?? [])) this.#halt();
  }

  /** @param {Notice | null} [notice] */
  #halt(notice = null) {
    this.playing = false;
    this.#stop = null;
    this.#late = this.isPicking = false;
    this.#ticker.cancel();
    this.#cancel();
    this.#setNotice(notice);
  }

  /** A notice that the server is away, or has too much to do, stays until it isn't so; one that locks, until
   * the session or the text is another's.
   * @param {Notice | null} notice */
  #setNotice(notice) {
    this.notice = notice ?? (this.notice?.isLost || this.notice?.locks ? this.notice : null);
  }

  #unlock() {
    if (this.notice?.locks) this.notice = null;
  }

  #cancel() {
    this.#request.cancel();
    this.#tokenizing.cancel();
    this.choosing = null;
    this.#isEager = false;
  }

  /** @param {number} delayMs */
  #schedule(delayMs) {
    this.isPicking = false;
    this.#ticker.schedule(delayMs, this.animationMs);
  }

  /** Begin the animation of the pick, where there is one. */
  #animatePick() {
    this.isPicking = this.trace.ahead.length > 1;
    if (this.isPicking) this.#onChange();
  }

  #tick() {
    // The last known step is not appended: the bars show its distribution.
    this.isPicking = false;
    this.#late = this.trace.ahead.length < 2;
    if (!this.#late) {
      this.#ticker.mark();
      this.#schedule(this.intervalMs * this.pace);
      this.#append(traces.advance(this.trace));
      if (this.#isEnough) this.#halt();
    }
    this.#proceed();
  }

  get #isEnough() {
    const { steps, ahead } = this.trace;
    return this.#stop !== null && this.#stop.stop(steps.slice(this.#stop.from), ahead[0] ?? null);
  }

  /** Whether a step may cost much, or the weights change meanwhile. */
  get #isShort() {
    return this.newest || this.session?.tokenizer === "tokens";
  }

  /** Steps to request at once. */
  get #chunk() {
    return chunkSize(this.intervalMs, this.#isShort);
  }

  /** Request what is missing: the distribution to show, or enough steps to continue playing. */
  #proceed() {
    const { ahead, steps } = this.trace;
    const n = this.#chunk;
    const isStuck = this.notice?.retry || this.notice?.isGone || (this.notice?.waits && !this.#isRetrying);
    if (this.session && this.isUntokenized && !isStuck && !this.#tokenizing.isPending) this.#tokenize(this.session);
    const hasBars = this.session && this.trace.prompt.length && !this.isUntokenized && !this.unknown.length;
    if (hasBars && !isStuck && !this.#request.isPending) {
      const enough = this.playing ? Math.min(this.#reserve, n) : 0;
      if (ahead.length <= enough && steps.length + ahead.length <= config.generation.tokens_max) {
        const wanted = this.#isShort && this.#isStarting && ahead.length <= 1 ? firstChunk(n) : n;
        this.#load(this.trace, ahead, this.playing ? wanted : 1, (more) => {
          this.trace = traces.extend(this.trace, more);
        });
      }
    }
    if (hasBars && !isStuck && this.isStale && this.caret !== null && !this.#past.isPending) this.#lookUp(/** @type {PlayableSession} */ (this.session), this.caret);
    this.#onChange();
  }

  /** Cut the prompt, and what others wrote after it, into the model's tokens. Until then it stands as
   * characters, and nothing is asked of it.
   * @param {PlayableSession} session */
  async #tokenize({ session_id: id }) {
    const { text, steps } = this.trace;
    const others = wholeLength(steps.slice(0, traces.foreignLength(this.trace, id)));
    try {
      for (const count of new Set([others, 0])) { // none, where a token lies across the prompt's end
        const whole = text + textOf(steps.slice(0, count));
        const answer = await this.#tokenizing.send({ session_id: id, text: whole });
        if (!answer) return;
        const trace = traces.withTokens(this.trace, typedTokens(whole, answer.tokens), count, id);
        if (trace) {
          this.trace = trace;
          break;
        }
      }
      this.#recover();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#pendingPosition === null) this.#proceed();
    else this.goTo(this.#pendingPosition);
  }

  /** @param {Trace} trace @param {Token[]} tokens @param {number} n @param {(steps: Step[]) => void} apply */
  async #load(trace, tokens, n, apply) {
    const { session, author: by } = this;
    if (!session) return;
    try {
      const response = await this.#request.send(stepBody({ ...this.#writer(session), trace, tokens, n }));
      if (!response) return;
      this.#recover();
      this.#reserve = randomReserve(this.#chunk);
      if (n > 1) this.#isStarting = false;
      this.pace = Math.max(1, this.pace / 2);
      if (this.newest) this.step = response.step;
      apply(response.steps.map((step) => decodeStep(step, session, by)));
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#late) this.#tick();
    else if (this.#isEager) this.choose();
    else this.#proceed();
  }

  // An earlier place

  /** @param {number | null} caret */
  #setCaret(caret) {
    this.#past.cancel();
    if (caret !== this.caret) this.highlight = this.choosing = null;
    const before = this.next;
    this.caret = caret;
    this.past = { known: null, before: caret === null || !this.hasDistribution ? null : before };
    if (caret !== null && this.hasDistribution && this.session) this.past.known = this.#past.get(this.#writer(this.session), this.trace, caret);
  }

  /** Ask for what was weighed at a place.
   * @param {PlayableSession} session @param {number} caret */
  async #lookUp(session, caret) {
    try {
      if (!(await this.#past.fetch(this.#writer(session), this.trace, caret, this.author))) return;
      this.#recover();
      const known = this.#past.get(this.#writer(session), this.trace, caret); // others may be in use by now
      if (this.caret === caret && known) this.past = { known, before: null };
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#proceed();
  }

  /** The model and the settings that steps are asked for with.
   * @param {PlayableSession} session */
  #writer(session) {
    return { session, step: this.step, newest: this.newest, params: this.#params };
  }

  /** Start a branch at an earlier place, or go on to the next place where the token stands in the text.
   * @param {number} caret @param {string} token */
  #chooseAt(caret, token) {
    const { known } = this.past;
    if (!known) return;
    if (token === traces.tokenAt(this.trace, caret)) {
      this.goTo(caret + 1);
      return;
    }
    this.#cancel();
    this.notice = null;
    this.#record("branch");
    this.choosing = token;
    const current = this.#withOwnBranch();
    const branched = caret === 0 ? traces.start(token, current.branches) : traces.branch(current, known.picked, token); // a text begins with a prompt
    this.#load(branched, [], this.#chunk, (steps) => this.#append(traces.extend(branched, steps)));
    this.#onChange();
  }

  /** The server answers again. */
  #recover() {
    this.#isRetrying = false;
    if (this.notice?.isLost) this.notice = null;
  }

  /** @param {unknown} reason */
  #fail(reason) {
    const failure = asRequestError(reason);
    const { effect, notice: found, isToast, retryMs } = reactTo(failure, this.session);
    const notice = this.notice?.locks ? this.notice : found; // another tab's turn, whatever fails here
    this.choosing = null;
    this.#isRetrying = false;
    if (effect === "paused") this.#halt(notice);
    else this.notice = notice;
    if (effect === "busy") this.pace = Math.min(PACE_MAX, 2 * this.pace);
    if (retryMs) {
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.reconnect(), retryMs);
    }
    if (isToast) this.#onError(describeError(failure));
    this.#onChange();
    if (effect === "lost") this.#onLost();
  }
}
