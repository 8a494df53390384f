// The text on screen: characters within the context window at full opacity, the others faded.

/** @import { Step } from "../types.js" */
/** @import { Player } from "./player.js" */

import { createElement, setText } from "../shared/dom.js";
import { directionOf } from "../shared/text.js";

const FADED_MAX = 4000; // characters before the window; the input shows them all
const BOTTOM_PX = 24; // closer to the end than this, the region scrolls along

export class Output {
  #region;
  #faded = createElement("span", "typed outside");
  #typed = createElement("span", "typed");
  #cursor = createElement("span", "cursor");
  /** One element a generated character.
   * @type {HTMLElement[]} */
  #generated = [];
  /** @type {Step[]} */
  #steps = [];

  /** @param {HTMLElement} region */
  constructor(region) {
    this.#region = region;
    region.replaceChildren(this.#faded, this.#typed, this.#cursor);
    this.#cursor.setAttribute("aria-hidden", "true");
  }

  /** @param {Player} player */
  draw(player) {
    const { prompt, steps } = player.trace;
    const windowStart = Math.max(0, prompt.length + steps.length - (player.session?.block_size ?? 0));
    this.#region.dir = directionOf(player.trace.text);
    const isFollowing = isAtEnd(this.#region);
    const from = Math.max(0, windowStart - FADED_MAX);
    setText(this.#faded, (from > 0 ? "…" : "") + prompt.slice(from, windowStart).join(""));
    setText(this.#typed, prompt.slice(windowStart).join(""));
    this.#drawGenerated(steps, prompt.length, windowStart);
    this.#region.dataset.playing = String(player.playing);
    if (player.playing) this.#placeCursor();
    if (isFollowing) this.#region.scrollTop = this.#region.scrollHeight;
  }

  /** Move the cursor to the end of the text; by a transform, which moves nothing else. */
  #placeCursor() {
    const last = this.#generated.at(-1) ?? this.#typed;
    const box = this.#region.getBoundingClientRect();
    const rects = last.getClientRects();
    const end = rects[rects.length - 1] ?? box;
    const isNewLine = last.textContent?.endsWith("\n") ?? false;
    const left = isNewLine ? parseFloat(getComputedStyle(this.#region).paddingLeft) : end.right - box.left;
    const top = (isNewLine ? end.bottom : end.top) - box.top + this.#region.scrollTop;
    this.#cursor.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** @param {Step[]} steps @param {number} promptLength @param {number} windowStart */
  #drawGenerated(steps, promptLength, windowStart) {
    let common = 0;
    while (common < steps.length && this.#steps[common] === steps[common]) common += 1;
    for (const removed of this.#generated.splice(common)) removed.remove();
    for (const step of steps.slice(common)) {
      const character = createElement("span", "generated", step.text);
      this.#region.insertBefore(character, this.#region.lastChild);
      this.#generated.push(character);
    }
    this.#generated.forEach((character, index) =>
      character.classList.toggle("outside", promptLength + index < windowStart));
    this.#steps = steps;
  }
}

/** @param {HTMLElement} element */
function isAtEnd(element) {
  return element.scrollTop + element.clientHeight >= element.scrollHeight - BOTTOM_PX;
}
