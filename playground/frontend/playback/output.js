// The text on screen: tokens within the context window at full opacity, the others faded. Each can be
// gone back to, by a click or with the arrow keys.

/** @import { Step, Token } from "../types.js" */
/** @import { Player } from "./player.js" */

import { createElement, setText } from "../shared/dom.js";
import { directionOf } from "../shared/text.js";
import { placeMark, rectOfToken, tokenAtPoint } from "./textHits.js";
import { piecesOf } from "./tokens.js";

/** @import { Run } from "./textHits.js" */

const FADED_MAX = 4000; // tokens before the window; the input shows them all
const AROUND = 1000; // tokens on each side of a place before those
const BOTTOM_PX = 24; // closer to the end than this, the region scrolls along

export class Output {
  #region;
  #faded = createElement("span", "typed outside");
  #typed = createElement("span", "typed");
  #cursor = createElement("span", "cursor");
  #mark = createElement("span", "output__mark");
  /** @type {Run[]} */
  #runs = [];
  /** @type {number | null} */
  #caret = null;
  /** One element a generated token.
   * @type {HTMLElement[]} */
  #generated = [];
  /** @type {Step[]} */
  #steps = [];

  /** @param {HTMLElement} region
   * @param {(position: number) => void} onVisit called with the position of a token that was clicked */
  constructor(region, onVisit) {
    this.#region = region;
    region.replaceChildren(this.#faded, this.#typed, this.#cursor, this.#mark);
    for (const sign of [this.#cursor, this.#mark]) sign.setAttribute("aria-hidden", "true");
    region.addEventListener("click", (event) => {
      if (getSelection()?.isCollapsed === false) return; // text was selected, to be copied perhaps
      const position = tokenAtPoint(this.#runs, event.clientX, event.clientY);
      if (position !== null) onVisit(position);
    });
    new ResizeObserver(() => this.#placeMark()).observe(region);
  }

  /** @param {Player} player */
  draw(player) {
    const { prompt, steps } = player.trace;
    const { caret, length } = player;
    const size = player.isUntokenized ? Infinity : player.session?.block_size ?? 0;
    const windowStart = Math.max(0, (caret ?? length) - size);
    this.#region.dir = directionOf(player.trace.text);
    const isFollowing = caret === null && isAtEnd(this.#region);
    this.#drawTyped(prompt, windowStart, caret);
    this.#drawGenerated(steps, prompt.length, windowStart);
    this.#region.dataset.playing = String(player.playing);
    if (player.playing) this.#placeCursor();
    if (isFollowing || (caret === null && this.#caret !== null)) this.#region.scrollTop = this.#region.scrollHeight;
    const isMoved = caret !== this.#caret;
    this.#caret = caret;
    this.#placeMark(isMoved);
  }

  /** @param {Token[]} prompt @param {number} windowStart @param {number | null} caret */
  #drawTyped(prompt, windowStart, caret) {
    const split = Math.min(windowStart, prompt.length);
    const isFar = caret !== null && caret < prompt.length - FADED_MAX; // then the part around it is shown
    const from = isFar ? Math.max(0, caret - AROUND) : Math.max(0, Math.min(split, prompt.length) - FADED_MAX);
    const end = isFar ? Math.min(prompt.length, caret + AROUND) : prompt.length;
    const before = from > 0 ? "…" : "", after = end < prompt.length ? "…" : "";
    const faded = piecesOf(prompt.slice(from, split)), typed = piecesOf(prompt.slice(Math.max(from, split), end));
    setText(this.#faded, before + faded.join(""));
    setText(this.#typed, typed.join("") + after);
    this.#runs = [
      { element: this.#faded, from, tokens: faded, skip: before.length },
      { element: this.#typed, from: Math.max(from, split), tokens: typed, skip: 0 },
    ];
  }

  /** Draw the mark around the token that the visitor went back to; it moves nothing else.
   * @param {boolean} [intoView] */
  #placeMark(intoView = false) {
    const rect = this.#caret === null ? null : rectOfToken(this.#runs, this.#caret);
    placeMark(this.#mark, this.#region, rect, intoView);
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
    for (let index = common; index < steps.length; index += 1) {
      const element = createElement("span", "generated");
      this.#region.insertBefore(element, this.#cursor);
      this.#generated.push(element);
    }
    const pieces = piecesOf(steps);
    this.#generated.forEach((element, index) => {
      setText(element, pieces[index]); // the next token may have made a character whole
      element.classList.toggle("outside", promptLength + index < windowStart);
    });
    this.#steps = steps;
    this.#runs.push(...pieces.map((piece, index) =>
      ({ element: this.#generated[index], from: promptLength + index, tokens: [piece], skip: 0 })));
  }
}

/** @param {HTMLElement} element */
function isAtEnd(element) {
  return element.scrollTop + element.clientHeight >= element.scrollHeight - BOTTOM_PX;
}
