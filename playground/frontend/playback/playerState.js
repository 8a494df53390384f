// The state of playback: what is on screen, with which model and settings, and what may be done with it.

/** @import { Author, History, Notice, PlayableSession, PlayerStatus, Step, Trace } from "../types.js" */
/** @import { PastStep } from "./past.js" */

import { config } from "../shared/config.js";
import { sessionName } from "../shared/session.js";
import * as histories from "./history.js";
import { defaultSampling, randomSeed, samplingParams } from "./sampling.js";
import * as traces from "./trace.js";
import { UnknownCharacters } from "./unknown.js";

const ANIMATED_MS = 300; // from this interval on the pick is animated
const ANIMATION_PART = 0.5; // of the interval
const ANIMATION_MAX_MS = 450;

export class PlayerState {
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
  /** The place that the visitor went back to: the position of a token of the text. null: the end.
   * @type {number | null} */
  caret = null;
  /** What was weighed there, once it is known; until then what the bars showed before.
   * @type {{ known: PastStep | null, before: Step | null }} */
  past = { known: null, before: null };
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
  /** Whether the pick is being animated. */
  isPicking = false;

  #unknown = new UnknownCharacters();

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
    return traces.completion(this.trace, this.session.end_tokens) ?? (this.playing ? "playing" : "paused");
  }

  /** The step whose distribution the bars show, or null while it is unknown. */
  get next() {
    if (this.caret === null) return traces.next(this.trace);
    return this.past.known?.shown ?? this.past.before;
  }

  /** Whether the bars still show what was weighed elsewhere, or before the model or the settings changed. */
  get isStale() {
    return this.caret === null ? this.trace.ahead.length === 0 : this.past.known === null && this.hasDistribution;
  }

  /** Whether the model has a distribution for the place: before the first token for a model with an empty context alone. */
  get hasDistribution() {
    return !this.isFirst || (traces.firstPosition(this.trace) === 1 && typeof this.session?.start_token === "string");
  }

  /** The text of the token that `choose` appends by default. */
  get highlighted() {
    if (!this.next) return null;
    const isListed = traces.rows(this.next).some(({ text }) => text === this.highlight);
    return isListed ? this.highlight : this.next.text;
  }

  get canPlay() {
    return this.status === "paused" && !this.notice?.locks && !this.notice?.waits;
  }

  get canChoose() {
    const isPossible = this.caret === null ? this.canPlay : this.canLookBack && this.past.known !== null;
    return isPossible && this.next !== null && this.choosing === null;
  }

  /** Whether the prompt still has to be tokenized: where the model's tokens are pieces of words. */
  get isUntokenized() {
    return traces.isUntokenized(this.trace, this.session);
  }

  /** Whether nothing stands before the place that the visitor went back to. */
  get isFirst() {
    return this.caret !== null && this.caret < traces.firstPosition(this.trace);
  }

  /** Whether the distribution of an earlier place can be asked for. */
  get canLookBack() {
    const { notice, status } = this;
    return !this.isUntokenized && ["paused", "playing", "max", "end"].includes(status) && !notice?.locks && !(notice?.waits && !notice.isLost);
  }

  /** The number of tokens on screen. */
  get length() {
    return this.trace.prompt.length + this.trace.steps.length;
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

  /** Length of the pick's animation in milliseconds; 0 where playback is too fast for it. */
  get animationMs() {
    const interval = this.intervalMs * this.pace;
    return interval < ANIMATED_MS ? 0 : Math.min(ANIMATION_MAX_MS, ANIMATION_PART * interval);
  }

  /** The seed in use, whether set or random. */
  get usedSeed() {
    return this.sampling.seed ?? this.seed;
  }

  /** The model that writes now, and its settings.
   * @returns {Author | undefined} */
  get author() {
    const { session, step } = this;
    const params = samplingParams(this.sampling, this.seed);
    return session ? { session_id: session.session_id, name: sessionName(session), step, params } : undefined;
  }
}
