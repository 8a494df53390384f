// Animates the pick before a tick: with Sample, a ring runs over the bars and comes to rest on the
// pick; then the pick moves into the text. Fast playback leaves no time for it.

/** @import { Player } from "./player.js" */

import { createElement, prefersStillness } from "../shared/dom.js";

const DRAW_PART = 0.55; // of the time: the draw; the rest is the way into the text
const JUMPS = 6; // of the ring
const STRIDE = 7; // rows from one jump to the next, without a pattern that the eye would see

export class PickAnimation {
  #list;
  #output;
  #isPicking = false;

  /** @param {HTMLElement} list the bars @param {HTMLElement} output */
  constructor(list, output) {
    this.#list = list;
    this.#output = output;
  }

  /** @param {Player} player */
  draw(player) {
    const begins = player.isPicking && !this.#isPicking;
    this.#isPicking = player.isPicking;
    if (!begins || prefersStillness()) return;
    const pick = /** @type {HTMLElement | null} */ (this.#list.querySelector("[data-picked]"));
    if (!pick) return;
    const isDrawn = player.sampling.pick === "sample";
    const drawMs = isDrawn ? DRAW_PART * player.animationMs : 0;
    if (isDrawn) this.#draw(pick, player.trace.steps.length, drawMs);
    this.#fly(pick, player.animationMs - drawMs, drawMs);
  }

  /** @param {HTMLElement} pick @param {number} offset @param {number} duration */
  #draw(pick, offset, duration) {
    const rows = /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll("[data-token]")]);
    const slots = Array.from({ length: JUMPS }, (_, index) => (offset + index * STRIDE) % rows.length);
    const ring = createElement("span", "draw-ring");
    this.#list.append(ring);
    const stops = [...slots, rows.indexOf(pick)];
    ring.animate(stops.map((slot) => ({ transform: `translateY(calc(${slot} * var(--row)))`, easing: "steps(1, end)" })), duration)
      .finished.catch(() => {}).then(() => ring.remove());
  }

  /** @param {HTMLElement} pick @param {number} duration @param {number} delay */
  #fly(pick, duration, delay) {
    const name = pick.querySelector(".candidate__name");
    const cursor = this.#output.querySelector(".cursor");
    if (!name || !cursor) return;
    const from = name.getBoundingClientRect(), to = cursor.getBoundingClientRect();
    const box = this.#output.getBoundingClientRect();
    const end = { x: to.left, y: Math.min(Math.max(to.top, box.top), box.bottom - to.height) };
    const ghost = createElement("span", "taken", name.textContent ?? "");
    ghost.setAttribute("aria-hidden", "true");
    (pick.closest("#drawer") ?? document.body).append(ghost);
    const start = { x: from.right - ghost.offsetWidth, y: from.top };
    const at = (/** @type {{ x: number, y: number }} */ { x, y }) => `translate(${x}px, ${y}px)`;
    ghost.animate(
      [{ transform: at(start), opacity: 1 }, { transform: at(end), opacity: 1 }],
      { duration, delay, easing: "ease-in-out", fill: "backwards" },
    ).finished.catch(() => {}).then(() => ghost.remove());
  }
}
