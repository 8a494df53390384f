// Playback: one step a tick, asked ahead in chunks. Knows neither the page nor the network: it is
// given `generate` (the API's), tells `changed` after every change, and `trouble` in a sentence.

import { sentence } from "../shared/failure.js";
import { say } from "../shared/messages.js";
import * as Trace from "./trace.js";
import { unknown } from "../shared/text.js";

const SEED_END = 2 ** 31;
const PATIENCE_MS = 300; // a wait that is longer is one to speak of
const COALESCE_MS = 30; // a slider on the move, a fast typist: ask for where they come to rest

const newSeed = () => Math.floor(Math.random() * SEED_END);
const chunk = (interval_ms) => Math.min(32, Math.max(4, Math.round(2000 / interval_ms)));

export class Player {
  session = undefined; // undefined: not known yet; null: there is none
  step = null; // training step of its model
  newest = false; // whether that is the newest there is, each time it is asked
  trace = Trace.start("");
  playing = false;
  highlight = null; // a token that the visitor moved to; null: the pick
  choosing = null; // a token that was chosen, its consequences being asked for
  notice = null; // {text, retry, locks}: what stopped playback
  interval_ms = 500;
  sampling = { pick: "top", temperature: 1, top_k: 0, top_p: 1, seed: null };
  seed = newSeed(); // in use unless the visitor gave one

  #generate;
  #changed;
  #trouble;
  #asking = null; // AbortController of the request under way; an answer to any other is void
  #slow = null; // the request that has taken longer than PATIENCE_MS
  #timer = 0;
  #soon = 0;
  #ticked_at = -Infinity;
  #late = false; // a tick fell due before its step was known

  constructor({ generate, changed, trouble }) {
    this.#generate = generate;
    this.#changed = changed;
    this.#trouble = trouble;
  }

  // What is so

  /** Characters of the input that the model can't read. One that isn't trained yet reads none. */
  get unknown() {
    if (!this.session?.vocabulary.length) return [];
    return unknown(this.trace.prompt.join(""), this.session.known);
  }

  /** loading, no-model, no-input, unknown, max, end, playing or paused. */
  get status() {
    if (this.session === undefined) return "loading";
    if (this.session === null) return "no-model";
    if (this.trace.prompt.length === 0) return "no-input";
    if (this.unknown.length) return "unknown";
    return Trace.completion(this.trace, this.session.end_token) ?? (this.playing ? "playing" : "paused");
  }

  /** The step whose distribution the bars show, or null while it isn't known. */
  get next() {
    return Trace.next(this.trace);
  }

  /** The token that Step appends. */
  get highlighted() {
    if (!this.next) return null;
    const listed = Trace.rows(this.next).some(({ token }) => token === this.highlight);
    return listed ? this.highlight : this.next.token;
  }

  /** Whether what is to be shown next is long in coming. */
  get waits() {
    const missing = this.next === null || this.choosing !== null || this.#late;
    return missing && this.#slow !== null && this.#slow === this.#asking;
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

  // What a visitor does

  play() {
    if (!this.canPlay) return;
    this.#drop();
    this.playing = true;
    this.highlight = this.notice = null;
    this.#schedule(0);
    this.#proceed();
  }

  pause(notice = null) {
    this.#halt(notice);
    this.#proceed();
  }

  /** Append a token: the highlighted one unless told. Text and bars change together, when the
   * distribution after it is known; until then neither does. */
  choose(token = this.highlighted) {
    if (!this.canChoose) return;
    this.#drop();
    this.notice = null;
    if (token === this.next.token && this.trace.ahead.length > 1) {
      this.#appended(Trace.advance(this.trace));
    } else {
      this.choosing = token;
      this.#ask([token], chunk(this.interval_ms), (steps) =>
        this.#appended(Trace.foresee(Trace.fork(Trace.choose(this.trace, token)), steps)));
    }
    this.#changed();
  }

  moveHighlight(by) {
    if (!this.canChoose) return;
    const tokens = Trace.rows(this.next).map(({ token }) => token);
    const to = tokens.indexOf(this.highlighted) + by;
    this.highlight = tokens[Math.min(tokens.length - 1, Math.max(0, to))];
    this.#changed();
  }

  /** Clear what was generated and start fresh: with a new seed, unless the visitor gave one. */
  regenerate() {
    if (!this.canRegenerate) return;
    this.seed = newSeed();
    this.#renew(Trace.fork(Trace.rewind(this.trace, 0)));
    if (this.playing) this.#schedule(this.interval_ms);
  }

  retry() {
    this.notice = null;
    this.#proceed();
  }

  /** Its training has ended; what was written stays. `gone`: so has the model. */
  end(gone) {
    const remedy = this.session ? undefined : say("status.use_bundled");
    this.pause({ text: say("status.training_ended"), remedy, locks: gone });
  }

  // What surrounds it

  setPrompt(text) {
    if (text === this.trace.prompt.join("")) return;
    this.#halt();
    this.#renew(Trace.start(text));
  }

  /** Show a text of which a part was written before, by this visitor or another. */
  restore(trace) {
    this.#halt();
    this.#renew(trace);
  }

  /** The seed in use, whoever gave it. */
  get usedSeed() {
    return this.sampling.seed ?? this.seed;
  }

  /** Another session continues what was typed; another step of the same one, what is on screen. */
  setSession(session, step, newest = false) {
    const same = session && this.session?.session_id === session.session_id;
    if (same && this.session === session && this.step === step && this.newest === newest && !this.notice) return;
    if (!same) this.#halt();
    Object.assign(this, { session, step, newest });
    this.#renew(same ? Trace.fork(this.trace) : Trace.start(this.trace.prompt.join("")));
  }

  setInterval(interval_ms) {
    this.interval_ms = interval_ms;
    if (this.playing && !this.#late) {
      this.#schedule(Math.max(0, this.#ticked_at + interval_ms - performance.now()));
    }
    this.#proceed();
  }

  setSampling(changes) {
    const before = JSON.stringify(this.#params);
    this.sampling = { ...this.sampling, ...changes };
    if (JSON.stringify(this.#params) !== before) this.#renew(Trace.fork(this.trace));
    else this.#changed();
  }

  // How it goes on

  get #params() {
    const { pick, temperature, top_k, top_p } = this.sampling;
    return pick === "sample" ? { temperature, top_k, top_p, seed: this.usedSeed } : { temperature: 0 };
  }

  #renew(trace) {
    this.#drop();
    this.trace = trace;
    this.notice = null;
    if (trace.prompt.length === 0) this.highlight = null;
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#proceed(), COALESCE_MS);
    this.#changed();
  }

  #appended(trace) {
    this.trace = trace;
    this.highlight = null;
    this.choosing = null;
    if (Trace.completion(trace, this.session.end_token)) this.#halt();
  }

  #halt(notice = null) {
    this.playing = false;
    this.#late = false;
    clearTimeout(this.#timer);
    this.#drop();
    this.notice = notice;
  }

  #drop() {
    this.#asking?.abort();
    this.#asking = null;
    this.choosing = null;
  }

  #schedule(delay_ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tick(), delay_ms);
  }

  #tick() {
    // The last known step stays where it is: its distribution is what the bars will show.
    this.#late = this.trace.ahead.length < 2;
    if (!this.#late) {
      this.#ticked_at = performance.now();
      this.#schedule(this.interval_ms);
      this.#appended(Trace.advance(this.trace));
    }
    this.#proceed();
  }

  /** Ask for what is missing: the distribution to show, or enough steps to play on. */
  #proceed() {
    const { ahead, steps } = this.trace;
    const n = chunk(this.interval_ms);
    const shown = this.session && this.trace.prompt.length && !this.unknown.length;
    const stuck = this.notice?.retry || this.notice?.locks;
    if (shown && !stuck && !this.#asking) {
      const enough = this.playing ? n / 2 : 0;
      if (ahead.length <= enough && steps.length + ahead.length <= Trace.MAX_STEPS) {
        this.#ask(ahead.map((step) => step.token), this.playing ? n : 1, (more) => {
          this.trace = Trace.foresee(this.trace, more);
        });
      }
    }
    this.#changed();
  }

  async #ask(tokens, n, apply) {
    const asking = (this.#asking = new AbortController());
    const context = [...Trace.text(this.trace), ...tokens];
    const body = {
      session_id: this.session.session_id,
      step: this.newest ? null : this.step,
      context: context.slice(-this.session.block_size).join(""),
      position: context.length,
      n,
      ...this.#params,
    };
    setTimeout(() => {
      if (this.#asking !== asking) return;
      this.#slow = asking;
      this.#changed();
    }, PATIENCE_MS);
    try {
      const answer = await this.#generate(body, asking.signal);
      if (this.#asking !== asking) return;
      this.#asking = null;
      if (this.newest) this.step = answer.step;
      apply(answer.steps);
      if (this.#late) this.#tick();
      else this.#proceed();
    } catch (failure) {
      if (this.#asking !== asking) return;
      this.#asking = null;
      this.#fail(failure);
    }
  }

  #fail(failure) {
    const { kind, status, error } = failure;
    if (kind === undefined) throw failure; // a mistake of ours, not of the network
    if (kind === "timeout") this.#halt({ text: say("status.timed_out"), retry: true });
    else if (status === 404 && this.session.source === "live") {
      const ended = error === "SessionNotFound"; // else the step is, in favour of a later one
      this.#halt(ended
        ? { text: say("status.training_ended"), locks: true }
        : { text: say("status.learned_on"), retry: true });
    } else if (error === "ModelNotInitialized") {
      this.#halt({ text: say("status.initializing"), retry: true });
    } else {
      this.#halt(this.next ? null : { text: say("status.no_odds"), retry: true });
      this.#trouble(sentence(failure));
    }
    this.#changed();
  }
}
