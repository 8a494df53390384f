// The merges of a training's word pieces, as a list that grows in the order in which they were learned.

/** @import { Merge } from "../types.js" */

import { config } from "../shared/config.js";
import { createElement, find, prefersStillness, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { SPACE, visibleText } from "../shared/text.js";

const AT_END_PX = 8; // a list scrolled as far as this from its end follows what is added

export class Merges {
  #figure;
  #list;
  /** @type {Merge[]} */
  #merges = [];
  #began = 0;
  #frame = 0;

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.#figure = figure;
    this.#list = find(figure, ".merges");
  }

  reset() {
    cancelAnimationFrame(this.#frame);
    this.#merges = [];
    this.#list.replaceChildren();
    this.#figure.hidden = true;
  }

  /** @param {Merge[]} merges @param {boolean} grows whether they come one after the other */
  show(merges, grows) {
    this.reset();
    this.#merges = merges;
    this.#figure.hidden = merges.length === 0;
    this.#began = performance.now();
    if (grows && !prefersStillness()) this.#grow();
    else this.#fill(merges.length);
  }

  /** Add what is due, slowly at first, until all are there. */
  #grow() {
    const share = (performance.now() - this.#began) / config.training.merges_ms;
    this.#fill(shownOf(this.#merges.length, share));
    if (share < 1) this.#frame = requestAnimationFrame(() => this.#grow());
  }

  /** @param {number} count of all that are in the list then */
  #fill(count) {
    const list = this.#list;
    const before = list.children.length;
    if (count === before) return;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
    list.append(...this.#merges.slice(before, count).map(createMerge));
    if (before > 0 && isAtEnd) list.scrollTop = list.scrollHeight;
    setText(find(this.#figure, ".merges-count"), translate("learn.merges_count", { count }));
  }
}

/** How many of some merges are shown after a share of the time.
 * @param {number} total @param {number} share */
export const shownOf = (total, share) => Math.min(total, 1 + Math.floor(total * share ** 2));

/** A token with its spaces as signs.
 * @param {string} text */
const labelOf = (text) => visibleText(text).replaceAll(" ", SPACE);

/** @param {Merge} merge */
function createMerge({ left, right, count }) {
  const item = createElement("li", "merge");
  item.append(
    createElement("span", "merge__parts", `${labelOf(left)} + ${labelOf(right)}`),
    createElement("strong", "merge__token", labelOf(left + right)),
    createElement("span", "merge__count", translate("learn.times", { times: count })),
  );
  return item;
}
