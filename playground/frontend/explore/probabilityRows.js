// A list of tokens with two bars each: an outlined one, and a filled one within it.

import { createElement, setText } from "../shared/dom.js";

const SHORT_MAX = 3; // characters of a label in large letters

/** isToken: the label is a token, not the others together.
 * @typedef {{ label: string, isToken: boolean, outlined: number, filled: number, value: string }} Row */

export class ProbabilityRows {
  #list;

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  /** @param {Row[]} rows */
  draw(rows) {
    while (this.#list.children.length < rows.length) this.#list.append(createRow());
    while (this.#list.children.length > rows.length) this.#list.lastElementChild?.remove();
    rows.forEach((row, index) => drawRow(this.#list.children[index], row));
  }
}

function createRow() {
  const row = createElement("li", "odds__row");
  const bar = createElement("span", "odds__bar");
  bar.append(createElement("span", "odds__outlined"), createElement("span", "odds__filled"));
  row.append(createElement("span", "odds__name"), " ", bar, " ", createElement("span", "odds__value"));
  return row;
}

/** @param {Element} row @param {Row} values */
function drawRow(row, { label, isToken, outlined, filled, value }) {
  const [name, bar, number] = /** @type {HTMLElement[]} */ ([...row.children]);
  setText(name, label);
  name.classList.toggle("odds__name--token", isToken);
  name.classList.toggle("odds__name--long", label.length > SHORT_MAX);
  name.translate = !isToken;
  const [before, after] = /** @type {HTMLElement[]} */ ([...bar.children]);
  before.style.setProperty("--p", String(outlined));
  after.style.setProperty("--p", String(filled));
  row.classList.toggle("odds__row--none", filled === 0);
  setText(number, value);
}
