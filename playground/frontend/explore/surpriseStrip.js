// The bits of each token of a text as bars, with their mean so far and the validation loss as lines.

/** @import { Column, ScoredToken } from "./surprise.js" */

import { createShape } from "../shared/dom.js";
import { columnsOf, LEVELS, runningMean } from "./surprise.js";

const COLUMNS_MAX = 360; // narrower bars would not be told apart
const LENGTH_MIN = 48; // tokens: the bars of a shorter text would be blocks
const GAP = 0.12; // of a bar's width, on each side
const ROOM = 1.05; // of the highest bar
const DIGITS = 3;

export class SurpriseStrip {
  #svg;
  #mark = createShape("path", { class: "strip__mark" });
  /** @type {Column[]} */
  #columns = [];
  #width = LENGTH_MIN;
  #high = 1;

  /** @param {SVGElement} svg @param {(position: number) => void} onSelect */
  constructor(svg, onSelect) {
    this.#svg = svg;
    svg.addEventListener("click", ({ clientX }) => {
      const { left, width } = svg.getBoundingClientRect();
      const x = (this.#width * (clientX - left)) / width;
      const hit = this.#columns.find(({ end }) => x < end) ?? this.#columns.at(-1);
      if (hit) onSelect(hit.at);
    });
  }

  /** @param {ScoredToken[]} tokens @param {number | null} validation bits a token on the validation text */
  show(tokens, validation) {
    this.#columns = columnsOf(tokens, COLUMNS_MAX);
    this.#width = Math.max(LENGTH_MIN, tokens.length);
    const least = /** @type {number} */ (LEVELS.at(-1));
    this.#high = ROOM * Math.max(least, validation ?? 0, ...this.#columns.map(({ bits }) => bits));
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${this.#high}`);
    const levels = Array.from({ length: LEVELS.length + 1 }, (_, level) => this.#columns.filter((column) => column.level === level));
    this.#svg.replaceChildren(
      this.#mark,
      ...levels.map((columns, level) => createShape("path", {
        class: `strip__bars strip__bars--${level}`, d: columns.map((column) => this.#bar(column)).join(""),
      })),
      createShape("polyline", { class: "strip__mean", points: this.#mean(tokens) }),
      createShape("path", { class: "strip__validation", d: validation === null ? "" : `M0 ${this.#y(validation)}H${this.#width}` }),
    );
  }

  /** @param {number} position */
  select(position) {
    const column = this.#columns.find(({ from, end }) => position >= from && position < end);
    this.#mark.setAttribute("d", column ? `M${column.from} 0H${column.end}V${this.#high}H${column.from}z` : "");
  }

  /** @param {Column} column */
  #bar({ from, end, bits }) {
    const gap = GAP * (end - from);
    return `M${from + gap} ${this.#high}V${this.#y(bits)}H${end - gap}V${this.#high}z`;
  }

  /** @param {ScoredToken[]} tokens */
  #mean(tokens) {
    const means = runningMean(tokens);
    return this.#columns.map(({ from, end }) => `${(from + end) / 2},${this.#y(means[end - 1] ?? 0)}`).join(" ");
  }

  /** @param {number} bits */
  #y(bits) {
    return (this.#high - bits).toFixed(DIGITS);
  }
}
