// The line from 0 to 1 that a number is drawn on: an interval for each token, gone through by mouse,
// touch and arrow keys.

/** @import { ApiStep } from "../types.js" */
/** @import { Interval } from "./draws.js" */

import { createElement, find, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { formatPercent, tokenLabel } from "../shared/text.js";
import { intervalAt, intervalsOf } from "./draws.js";

const DIGITS = 4; // of a place on the line
const SHADES = 2; // neighbours differ

export class DrawLine {
  #line;
  #point;
  #reading;
  /** @type {Interval[]} */
  #intervals = [];
  #selected = 0;
  #drawn = 0;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#line = find(root, ".draw__line");
    this.#point = find(root, ".draw__point");
    this.#reading = find(root, ".draw__reading");
    const pick = (/** @type {MouseEvent} */ { clientX }) => {
      const { left, width } = this.#line.getBoundingClientRect();
      this.#select(intervalAt(this.#intervals, (clientX - left) / width));
    };
    this.#line.addEventListener("pointermove", pick);
    this.#line.addEventListener("click", pick);
    this.#line.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.#press(event.key)) event.preventDefault();
    });
  }

  /** @param {ApiStep & { u: number }} step */
  draw(step) {
    this.#intervals = intervalsOf(step);
    this.#drawn = intervalAt(this.#intervals, step.u);
    this.#point.style.setProperty("--at", String(step.u));
    this.#line.replaceChildren(...this.#intervals.map((interval, index) => createInterval(interval, index, index === this.#drawn)));
    this.#select(this.#drawn);
  }

  /** Returns whether the key was used.
   * @param {string} key */
  #press(key) {
    const last = this.#intervals.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: this.#selected - 1, ArrowRight: this.#selected + 1, Home: 0, End: last, Enter: this.#drawn };
    if (!(key in targets)) return false;
    this.#select(Math.min(last, Math.max(0, targets[key])));
    return true;
  }

  /** @param {number} index */
  #select(index) {
    this.#selected = index;
    [...this.#line.children].forEach((element, at) => element.setAttribute("aria-selected", String(at === index)));
    this.#line.setAttribute("aria-activedescendant", this.#line.children[index].id);
    setText(this.#reading, intervalText(this.#intervals[index]));
  }
}

/** @param {Interval} interval @param {number} index @param {boolean} isDrawn */
function createInterval(interval, index, isDrawn) {
  const element = createElement("div", "draw__piece", interval.text === null ? "" : tokenLabel(interval.text));
  element.id = `draw-piece-${index}`;
  element.setAttribute("role", "option");
  element.setAttribute("aria-label", intervalText(interval));
  element.setAttribute("translate", "no");
  element.classList.toggle("draw__piece--other", interval.text === null);
  element.classList.toggle("draw__piece--odd", index % SHADES === 1);
  element.classList.toggle("draw__piece--drawn", isDrawn);
  element.style.setProperty("--from", String(interval.low));
  element.style.setProperty("--share", String(interval.high - interval.low));
  return element;
}

/** @param {Interval} interval */
function intervalText({ text, low, high }) {
  const values = { percent: formatPercent(high - low), low: formatFraction(low), high: formatFraction(high) };
  if (text === null) return translate("sampling.piece_rest", values);
  return translate("sampling.piece", { ...values, token: tokenLabel(text) });
}

/** A place on the line.
 * @param {number} value 0 to 1 */
export const formatFraction = (value) => formatNumber(value, DIGITS);
