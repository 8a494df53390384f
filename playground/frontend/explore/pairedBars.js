// Two bars for each character: its probability, and another share beside it.

import { createElement, prefersStillness, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { formatPercent, tokenLabel } from "../shared/text.js";

const MOVE_MS = 120; // until a bar is at rest
const PARTS = ["said", "mark", "name", "bar", "value", "second", "note"];

/** A character with its probability and another share, 0 to 1. text: null for all others together, which
 * have a name then. note: what stands beside the second bar.
 * @typedef {{ text: string | null, name?: string, prob: number, second: number, isPick: boolean, note: string }} PairedRow */

export class PairedBars {
  #list;
  #describe;
  /** The rows by their characters, "" for the others.
   * @type {Map<string, Row>} */
  #rows = new Map();

  /** @param {HTMLElement} list
   * @param {(name: string, row: PairedRow) => string} describe what a screen reader says of a row */
  constructor(list, describe) {
    this.#list = list;
    this.#describe = describe;
  }

  /** @param {PairedRow[]} rows */
  draw(rows) {
    const drawn = rows.map((row) => {
      const key = row.text ?? "";
      const element = this.#rows.get(key) ?? new Row();
      const label = row.text === null ? row.name ?? "" : tokenLabel(row.text);
      element.draw(row, label, this.#describe(row.isPick ? `${label} ✓` : label, row));
      return /** @type {const} */ ([key, element]);
    });
    this.#rows = new Map(drawn);
    drawn.forEach(([, { element }], index) => {
      if (this.#list.children[index] !== element) this.#list.insertBefore(element, this.#list.children[index] ?? null);
    });
    while (this.#list.children.length > drawn.length) this.#list.lastElementChild?.remove();
  }
}

class Row {
  #prob = 0;
  #second = 0;

  constructor() {
    this.element = createElement("li", "pair");
    const [said, mark, name, bar, value, second, note] = PARTS.map((part) => createElement("span", `pair__${part}`));
    this.parts = { said, mark, name, bar, value, second, note };
    for (const part of [mark, name, bar, value, second, note]) part.setAttribute("aria-hidden", "true");
    name.setAttribute("translate", "no");
    this.element.append(said, mark, name, bar, value, second, note);
  }

  /** @param {PairedRow} row @param {string} label @param {string} said */
  draw({ text, prob, second, isPick, note }, label, said) {
    const { parts, element } = this;
    element.classList.toggle("pair--pick", isPick);
    element.classList.toggle("pair--named", label !== text);
    element.classList.toggle("pair--others", text === null);
    setText(parts.said, said);
    setText(parts.mark, isPick ? "✓" : "");
    setText(parts.name, label);
    setText(parts.value, formatPercent(prob));
    setText(parts.note, note);
    move(parts.bar, this.#prob, prob);
    move(parts.second, this.#second, second);
    this.#prob = prob;
    this.#second = second;
  }
}

/** @param {HTMLElement} bar @param {number} from @param {number} to */
function move(bar, from, to) {
  bar.style.setProperty("--p", String(to));
  bar.toggleAttribute("data-none", to === 0);
  if (from === to || !bar.isConnected || prefersStillness()) return;
  const frames = [{ width: `${100 * from}%` }, { width: `${100 * to}%` }];
  bar.animate(frames, { duration: MOVE_MS, easing: "ease-out", pseudoElement: "::before" });
}

/** The row of all characters that have none, with their number.
 * @param {number} count @param {Omit<PairedRow, "text" | "name" | "isPick">} row @returns {PairedRow} */
export const othersRow = (count, row) => ({ ...row, text: null, name: translate("drawer.others", { count }), isPick: false });
