// The panel of Explore in which the text on screen goes on in two lanes: as the page's model writes it,
// and beside it another model, training step or temperature under the same random numbers.

/** @import { ExploreContext, ExplorePanel, Step } from "../../types.js" */
/** @import { Player } from "../../playback/player.js" */
/** @import { Lane, Lockstep } from "./lockstep.js" */

import { decodeStep } from "../../playback/decode.js";
import { fork, isSameText } from "../../playback/trace.js";
import { compare, generate } from "../../shared/client.js";
import { config } from "../../shared/config.js";
import { closestTarget, find } from "../../shared/dom.js";
import { LatestRequest } from "../../shared/latestRequest.js";
import { translate } from "../../shared/messages.js";
import { asRequestError, describeError } from "../../shared/requestError.js";
import { LaneForm } from "./laneForm.js";
import { LaneView } from "./laneView.js";
import * as locksteps from "./lockstep.js";

const CHUNK = 8; // tokens of each lane in a request

/** @implements {ExplorePanel} */
export class Lanes {
  #player;
  #form;
  #view;
  #buttons;
  /** @type {Lockstep} */
  #lockstep = locksteps.START;
  /** The lanes, once both are known.
   * @type {{ upper: Lane, lower: Lane } | null} */
  #lanes = null;
  #trace;
  #isPlaying = false;
  #timer = 0;
  #failure = "";
  #request = new LatestRequest();

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#player = context.player;
    this.#trace = context.player.trace;
    this.#form = new LaneForm(element, context, () => this.#restart());
    this.#view = new LaneView(element);
    const button = (/** @type {string} */ name) => find(element, `[data-lane=${name}]`, HTMLButtonElement);
    this.#buttons = { play: button("play"), step: button("step"), again: button("again") };
    element.addEventListener("click", (event) => {
      const { lane } = closestTarget(event, "[data-lane]")?.dataset ?? {};
      if (lane === "play") this.#play(!this.#isPlaying);
      else if (lane === "step") this.#advance();
      else if (lane === "again") this.#restart();
    });
  }

  get state() {
    return this.#form.state;
  }

  /** @param {string} state */
  async open(state) {
    this.#restart();
    try {
      await this.#form.open(state);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#restart();
  }

  close() {
    this.#play(false);
    this.#cancel();
  }

  /** @param {Player} player */
  draw({ trace }) {
    if (isSameText(trace, this.#trace)) this.#show();
    else this.#restart();
  }

  /** Begin again at the end of the text on screen. */
  #restart() {
    this.#play(false);
    this.#cancel();
    this.#failure = "";
    this.#lockstep = locksteps.START;
    this.#trace = fork(this.#player.trace);
    const { session, author, unknown } = this.#player;
    const lower = this.#form.lane;
    const params = author?.params;
    const isReady = session && params && lower && this.#trace.prompt.length > 0 && unknown.length === 0;
    this.#lanes = isReady ? { upper: { session, step: author.step, params }, lower } : null;
    this.#show();
  }

  #cancel() {
    this.#request.cancel();
  }

  /** @param {boolean} isPlaying */
  #play(isPlaying) {
    clearTimeout(this.#timer);
    this.#isPlaying = isPlaying;
    if (isPlaying) this.#advance();
    else this.#show();
  }

  /** Whether there is another position, known or not. */
  get #canAdvance() {
    if (!this.#lanes) return false;
    const { shown, upper, lower } = this.#lockstep;
    const haveEnded = locksteps.hasEnded(upper, this.#lanes.upper) && locksteps.hasEnded(lower, this.#lanes.lower);
    return shown < locksteps.known(this.#lockstep) || !(haveEnded || shown >= config.generation.tokens_max);
  }

  async #advance() {
    clearTimeout(this.#timer);
    if (!this.#lanes || !this.#canAdvance || this.#request.isPending) return;
    if (this.#lockstep.shown >= locksteps.known(this.#lockstep) && !(await this.#load(this.#lanes))) return;
    this.#lockstep = { ...this.#lockstep, shown: this.#lockstep.shown + 1 };
    if (this.#isPlaying && this.#canAdvance) this.#timer = setTimeout(() => this.#advance(), this.#player.intervalMs);
    else this.#isPlaying = false;
    this.#show();
  }

  /** Ask for the next tokens of both lanes, and how far apart their predictions are. Returns whether
   * they are known now.
   * @param {{ upper: Lane, lower: Lane }} lanes */
  async #load(lanes) {
    this.#failure = "";
    try {
      const extended = await this.#request.send((signal) => this.#extend(this.#lockstep, lanes, signal));
      if (extended) this.#lockstep = extended;
      return extended !== null;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** @param {Lockstep} before @param {{ upper: Lane, lower: Lane }} lanes @param {AbortSignal} signal
   * @returns {Promise<Lockstep>} */
  async #extend(before, lanes, signal) {
    const n = Math.min(CHUNK, config.generation.tokens_max - before.shown);
    const [upper, lower] = await Promise.all(/** @type {const} */ (["upper", "lower"]).map((side) => this.#ask(lanes[side], before[side], n, signal)));
    const extended = locksteps.extend(before, { upper, lower }, lanes);
    const bits = await this.#measure(lanes, extended.upper, extended.upper.length - before.upper.length, signal);
    return { ...extended, bits: [...before.bits, ...bits] };
  }

  /** @param {Lane} lane @param {Step[]} steps that it has @param {number} n @param {AbortSignal} signal
   * @returns {Promise<Step[]>} */
  async #ask(lane, steps, n, signal) {
    if (locksteps.hasEnded(steps, lane)) return [];
    const answer = await generate(locksteps.laneBody(lane, this.#trace, steps, n), signal);
    return answer.steps.map((step) => decodeStep(step, lane.session, undefined));
  }

  /** @param {{ upper: Lane, lower: Lane }} lanes @param {Step[]} steps of the upper one
   * @param {number} n the last ones @param {AbortSignal} signal */
  async #measure({ upper, lower }, steps, n, signal) {
    if (n === 0) return [];
    const { divergences } = await compare(locksteps.compareBody(upper, lower, this.#trace, steps, n), signal);
    return divergences.map(({ kl }) => kl);
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#isPlaying = false;
    this.#failure = describeError(asRequestError(error));
    this.#show();
  }

  #show() {
    const { play, step, again } = this.#buttons;
    play.textContent = translate(this.#isPlaying ? "controls.pause" : "controls.play");
    play.disabled = !this.#isPlaying && !this.#canAdvance;
    step.disabled = this.#isPlaying || !this.#canAdvance;
    again.disabled = this.#lockstep.shown === 0;
    const { session, unknown } = this.#player;
    const isPossible = session && this.#trace.prompt.length > 0 && unknown.length === 0;
    const said = this.#failure || (isPossible ? "" : translate("lanes.nothing"));
    this.#view.draw(this.#lanes, this.#trace, this.#lockstep, { said, isPlaying: this.#isPlaying });
  }
}
