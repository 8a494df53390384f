// The context lab: a shorter window, or one token struck out, and how far the probabilities move with it.

/** @import { ExploreContext, ExplorePanel, OtherContext, PlayableSession, Trained } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { Base } from "./contextAnswers.js" */
/** @import { Change } from "./contextVariants.js" */

import { wholeLength } from "../playback/tokens.js";
import { isTrained } from "../playback/unknown.js";
import { compareContexts } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, drawSliderTrack, find, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { formatPercent, tokenLabel } from "../shared/text.js";
import { ContextAnswers } from "./contextAnswers.js";
import { ContextCells } from "./contextCells.js";
import { changed, changesNear, fitting, movedRows, unmovedRows } from "./contextVariants.js";
import { PairedBars } from "./pairedBars.js";
import { decodeState, encodeState, obstacleOf, PositionButtons, positionOf, tokensBefore } from "./position.js";

const GROW_MS = 150; // a token
const BITS_DIGITS = 2;

/** @implements {ExplorePanel} */
export class ContextLab {
  #player;
  #parts;
  #position;
  #cells;
  #bars;
  #answers;
  /** @type {Change} */
  #change = null;
  /** The context that is changed. */
  #tokens = /** @type {string[]} */ ([]);
  #timer = 0;

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#player = context.player;
    this.#position = new PositionButtons(element, context.player);
    this.#bars = new PairedBars(find(element, ".pairs"), (name, { prob, note }) =>
      translate("context.row", { name, percent: formatPercent(prob), before: note }));
    this.#cells = new ContextCells(find(element, ".lab__cells"), (index) => this.#strike(index));
    this.#answers = new ContextAnswers(compareContexts, () => this.draw(this.#player), context.onError);
    const button = (/** @type {string} */ name) => find(element, `[data-lab=${name}]`, HTMLButtonElement);
    this.#parts = {
      lab: find(element, ".lab"),
      problem: find(element, ".lab__problem"),
      slider: find(element, "input", HTMLInputElement),
      length: find(element, ".lab__length"),
      merged: find(element, ".lab__merged"),
      moved: find(element, ".lab__moved"),
      pairs: find(element, ".pairs"),
      retry: button("retry"),
      grow: button("grow"),
      whole: button("whole"),
    };
    this.#listen(element);
  }

  get state() {
    const change = this.#change;
    const length = change && "length" in change ? change.length : null;
    const without = change && "without" in change ? change.without : null;
    return encodeState({ p: this.#player.caret, w: length, x: without });
  }

  /** @param {string} state */
  open(state) {
    const { p, w, x } = decodeState(state);
    if (p !== undefined) this.#player.goTo(p);
    const change = w !== undefined ? { length: w } : x !== undefined ? { without: x } : null;
    if (!change) return;
    this.#change = change;
    this.#tokens = []; // a change from a link is that of this place
  }

  close() {
    this.#stop();
    this.#answers.cancel();
  }

  focus() {
    if (this.#parts.lab.hidden) return;
    this.#cells.focus();
  }

  /** @param {Player} player */
  draw(player) {
    const { lab, problem, retry } = this.#parts;
    this.#position.draw(player);
    const { session, next, isStale } = player;
    const obstacle = obstacleOf(player);
    retry.hidden = Boolean(obstacle) || !this.#answers.hasFailed;
    setText(problem, translateIf(obstacle ?? (retry.hidden ? null : "context.failed")));
    lab.hidden = Boolean(obstacle) || (lab.hidden && isStale);
    lab.classList.toggle("panel--stale", isStale);
    if (obstacle || !isTrained(session) || !next || isStale) return;
    const { pieces, ids, count } = contextOf(player, session);
    this.#take(pieces);
    setText(this.#parts.merged, count === pieces.length ? "" : translate("context.merged", { number: count }));
    const { sampling, step, newest } = player;
    this.#ask({
      session_id: session.session_id,
      step: newest ? null : step,
      temperature: sampling.pick === "sample" ? sampling.temperature : 0,
      context: this.#tokens.join(""),
      ...(session.tokenizer === "tokens" ? { context_ids: ids, token_id: next.id } : { token: next.text }),
    });
    this.#drawContext(next.text);
    this.#drawBars(player);
  }

  /** A change stays while it is the same context.
   * @param {string[]} tokens */
  #take(tokens) {
    const isOther = this.#tokens.length > 0 && tokens.join() !== this.#tokens.join();
    if (isOther) this.#stop();
    // A window is as long at other places; a character that was struck out is one of this place.
    if (isOther && this.#change && "without" in this.#change) this.#change = null;
    this.#tokens = tokens;
    this.#change = fitting(this.#change, tokens.length);
  }

  /** @param {Base} base */
  #ask(base) {
    const { others_max: most } = config.contexts;
    const change = this.#change;
    const tokens = this.#tokens;
    const changes = [...(change ? [change] : [])];
    if (!this.#answers.isSlow) {
      if (change && "length" in change) changes.push(...changesNear(tokens, "length", change.length, most));
      changes.push(...changesNear(tokens, "without", change && "without" in change ? change.without : tokens.length, most));
    }
    this.#answers.request(base, changes.map((one) => changed(tokens, one)));
  }

  /** What the present change leads to; null while it isn't known.
   * @returns {OtherContext | null} */
  get #found() {
    return this.#change && this.#answers.get(changed(this.#tokens, this.#change));
  }

  /** @param {string} pick */
  #drawContext(pick) {
    const { slider, length, whole, grow } = this.#parts;
    const tokens = this.#tokens;
    const count = tokens.length;
    const probWithout = (/** @type {number} */ index) =>
      (count > 1 ? this.#answers.get(changed(tokens, { without: index }))?.prob ?? null : null);
    this.#cells.draw(tokens, this.#change, probWithout, this.#answers.before, pick);
    const shown = this.#change && "length" in this.#change ? this.#change.length : count;
    slider.max = String(count);
    slider.value = String(shown);
    slider.disabled = count < 2;
    slider.setAttribute("aria-valuetext", translate("context.last", { count: shown, total: count }));
    setText(length, `${formatNumber(shown)} / ${formatNumber(count)}`);
    drawSliderTrack(slider);
    whole.disabled = this.#change === null;
    grow.disabled = count < 2;
    grow.setAttribute("aria-pressed", String(this.#timer !== 0));
  }

  /** @param {Player} player */
  #drawBars({ next }) {
    const { moved, pairs } = this.#parts;
    const found = this.#found;
    const { before } = this.#answers;
    pairs.classList.toggle("panel--stale", this.#change !== null && !found);
    if (!next) return;
    if (this.#change === null) {
      this.#bars.draw(unmovedRows(next));
      setText(moved, translate("context.unmoved", { percent: formatPercent(next.prob ?? 0), pick: tokenLabel(next.text) }));
    } else if (found && before !== null) {
      this.#bars.draw(movedRows(found, next.text, before));
      setText(moved, movedSentence(found, next.text, before));
    }
  }

  /** @param {HTMLElement} element */
  #listen(element) {
    this.#parts.slider.addEventListener("input", () => {
      this.#stop();
      this.#set({ length: this.#parts.slider.valueAsNumber });
    });
    element.addEventListener("click", (event) => {
      const action = closestTarget(event, "[data-lab]")?.dataset.lab;
      if (action === "whole") {
        this.#stop();
        this.#set(null);
        this.#cells.focus(); // the button can't be pressed any more
      } else if (action === "grow") {
        if (this.#timer) this.#stop();
        else this.#grow();
      } else if (action === "retry") {
        this.#answers.retry();
        this.focus();
      }
    });
  }

  /** @param {number} index */
  #strike(index) {
    this.#stop();
    const change = this.#change;
    this.#set(change && "without" in change && change.without === index ? null : { without: index });
  }

  /** @param {Change} change */
  #set(change) {
    this.#change = fitting(change, this.#tokens.length);
    this.draw(this.#player);
  }

  /** Walk the window from one token to all of them, as fast as the answers come. */
  #grow() {
    this.#timer = setInterval(() => {
      if (!this.#found) return;
      const length = this.#change && "length" in this.#change ? this.#change.length + 1 : 1;
      if (length >= this.#tokens.length) this.#stop();
      this.#set({ length });
    }, GROW_MS);
    this.#set({ length: 1 });
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#parts.grow.setAttribute("aria-pressed", "false");
  }
}

/** The tokens that can be struck out: all that the model reads, characters whole; the ids of those
 * after them that are a part of one; and how many tokens the model reads.
 * @param {Player} player @param {Trained<PlayableSession>} session */
function contextOf(player, { block_size: size }) {
  const pieces = tokensBefore(player, size);
  if (player.trace.tokenizer === null) return { pieces, ids: [], count: pieces.length };
  const position = positionOf(player);
  const tokens = [...player.trace.prompt, ...player.trace.steps].slice(Math.max(0, position - size), position);
  const end = wholeLength(tokens);
  const shown = pieces.slice(0, pieces.length - (tokens.length - end)).filter((piece) => piece !== "");
  return { pieces: shown, ids: tokens.slice(end).map(({ id }) => id), count: tokens.length };
}

/** @param {string | null} key */
const translateIf = (key) => (key ? translate(key) : "");

/** @param {OtherContext} found @param {string} token @param {number} before */
function movedSentence({ kl, prob }, token, before) {
  const moved = translate("context.moved", { pick: tokenLabel(token), before: formatPercent(before), after: formatPercent(prob) });
  const distance = kl === null ? translate("context.apart") : translate("context.bits", { bits: formatNumber(kl, BITS_DIGITS) });
  return `${moved} ${distance}`;
}
