// The bars: the distribution of the token after the text on screen. A bar belongs to its token and
// moves with it; by transforms alone, so that nothing else does.

/** @import { Candidate, Rest, Step } from "../types.js" */
/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { createElement, prefersStillness, setAttribute, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { characters, formatPercent, tokenLabel } from "../shared/text.js";
import { rest, rows } from "./trace.js";

const MOVE_MS = 80; // until a bar is at rest

/** What top-k and top-p leave of a distribution: so many candidates, with a total probability.
 * @typedef {{ count: number, prob: number }} Kept */

export class Bars {
  #list;
  #other;
  /** In their order on screen.
   * @type {Row[]} */
  #rows;

  /** @param {HTMLElement} list @param {HTMLElement} other the row of all tokens without a bar */
  constructor(list, other) {
    this.#list = list;
    this.#other = other;
    const length = config.generation.candidates + 1; // the pick where it is none of the candidates
    this.#rows = Array.from({ length }, (_, index) => new Row("candidate-" + index));
    list.replaceChildren(...this.#rows.map((row) => row.element));
  }

  /** @param {Player} player */
  draw(player) {
    const step = player.next;
    const kept = step && player.sampling.pick === "sample" ? keptOf(step) : null;
    this.#list.parentElement?.toggleAttribute("data-cut", kept !== null);
    if (step) this.#drawRows(player, step, kept);
    else this.#rows.forEach((row, index) => row.fade(index === this.#rows.length - 1));
    const selected = this.#rows.find((row) => row.element.getAttribute("aria-selected") === "true");
    // While it plays there is nothing to choose; the live region announces what comes.
    setAttribute(this.#list, "aria-activedescendant", player.playing ? null : selected?.element.id ?? null);
    setAttribute(this.#list, "aria-busy", String(player.isStale || player.choosing !== null));
    setAttribute(this.#list, "aria-disabled", String(!player.canChoose));
    this.#drawOther(step && rest(step), step && rows(step).length, step && kept && step.candidates.length >= kept.count);
  }

  /** @param {Player} player @param {Step} step @param {Kept | null} kept */
  #drawRows({ highlighted, choosing, isPicking }, step, kept) {
    const shown = rows(step);
    this.#arrange(shown);
    this.#rows.forEach((row, index) => {
      if (index >= shown.length) return row.clear();
      const { text } = shown[index];
      const isPick = text === step.text;
      return row.draw(shown[index], index, {
        isPick,
        isSelected: text === highlighted,
        isChosen: text === choosing || (isPick && isPicking),
        // Rows are ordered by probability, except the pick's own at the end.
        isExcluded: kept !== null && index >= kept.count && !isPick,
        keptProb: kept?.prob ?? null,
      });
    });
  }

  /** Give each token the row that it had, and bring the rows into order.
   * @param {Candidate[]} shown */
  #arrange(shown) {
    const tokens = new Set(shown.map(({ text }) => text));
    const byToken = new Map(this.#rows.map((row) => [row.token, row]));
    const free = this.#rows.filter((row) => row.token === null || !tokens.has(row.token));
    const ordered = shown.map(({ text }) => byToken.get(text) ?? /** @type {Row} */ (free.shift()));
    this.#rows = [...ordered, ...free];
    this.#rows.forEach(({ element }, index) => {
      const present = this.#list.children[index];
      if (present !== element) this.#list.insertBefore(element, present);
    });
  }

  /** @param {Rest | null} remaining @param {number | null} slot below the rows @param {boolean | null} isExcluded */
  #drawOther(remaining, slot, isExcluded) {
    const { classList, style } = this.#other;
    classList.toggle("candidate--stale", !remaining);
    classList.toggle("candidate--left-out", Boolean(isExcluded));
    this.#other.title = isExcluded ? translate("drawer.left_out") : "";
    this.#other.hidden = remaining?.count === 0;
    if (!remaining) return;
    style.setProperty("--slot", String(slot));
    const [name, bar, value] = /** @type {HTMLElement[]} */ ([...this.#other.children]);
    setText(name, translate("drawer.others", { count: remaining.count }));
    bar.style.setProperty("--p", String(remaining.prob));
    setText(value, formatPercent(remaining.prob));
  }
}

/** What top-k and top-p leave of a step; null where they leave all.
 * @param {Step} step @returns {Kept | null} */
function keptOf({ kept, keptProb, candidates, other }) {
  const all = candidates.length + (other?.count ?? 0);
  return kept === undefined || keptProb === undefined || kept >= all ? null : { count: kept, prob: keptProb };
}

/** The bar of a candidate. */
class Row {
  /** Whose bar it is.
   * @type {string | null} */
  token = null;
  #slot = 0;
  #prob = 0;

  /** @param {string} id */
  constructor(id) {
    this.element = createElement("div", "candidate");
    this.element.id = id;
    this.mark = createElement("span", "candidate__mark");
    this.name = createElement("span", "candidate__name");
    this.bar = createElement("span", "candidate__bar");
    this.value = createElement("span", "candidate__value");
    this.drawn = createElement("span", "candidate__drawn"); // after top-k and top-p
    this.element.append(...[this.mark, this.name, this.bar, this.value, this.drawn].flatMap((part) => [part, " "]));
    this.mark.setAttribute("aria-hidden", "true");
    this.name.setAttribute("translate", "no");
  }

  /** @param {Candidate} candidate @param {number} slot its place
   * @param {{ isPick: boolean, isSelected: boolean, isChosen: boolean, isExcluded: boolean, keptProb: number | null }} flags */
  draw({ text, prob }, slot, { isPick, isSelected, isChosen, isExcluded, keptProb }) {
    const { element } = this;
    const label = tokenLabel(text);
    const drawn = keptProb === null ? "" : formatPercent(isExcluded ? 0 : Math.min(1, prob / keptProb));
    this.#move(text, slot, prob);
    element.hidden = false;
    element.classList.remove("candidate--stale");
    element.classList.toggle("candidate--chosen", isChosen);
    element.classList.toggle("candidate--named", label !== text && isSingle(text));
    element.classList.toggle("candidate--left-out", isExcluded);
    element.title = isExcluded ? translate("drawer.left_out") : "";
    setText(this.mark, isPick ? "✓" : "");
    setText(this.name, label);
    setText(this.value, formatPercent(prob));
    setText(this.drawn, drawn);
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", String(isSelected));
    element.setAttribute("aria-label", nameOf(label, formatPercent(prob), { isPick, isExcluded, drawn }));
    element.dataset.token = text;
    element.toggleAttribute("data-picked", isPick);
  }

  /** @param {string} token @param {number} slot @param {number} prob */
  #move(token, slot, prob) {
    const { style } = this.element;
    const isSame = this.token === token && !this.element.hidden;
    if (isSame && !prefersStillness()) {
      const options = { duration: MOVE_MS, easing: "ease-out" };
      if (slot !== this.#slot) {
        this.element.animate([{ transform: atSlot(this.#slot) }, { transform: atSlot(slot) }], options);
      }
      if (prob !== this.#prob) {
        this.bar.animate([{ width: `${100 * this.#prob}%` }, { width: `${100 * prob}%` }], { ...options, pseudoElement: "::before" });
      }
    }
    Object.assign(this, { token });
    this.#slot = slot;
    this.#prob = prob;
    style.setProperty("--slot", String(slot));
    this.bar.style.setProperty("--p", String(prob));
  }

  /** Mark the contents as outdated while the distribution is unknown.
   * @param {boolean} isHidden */
  fade(isHidden) {
    this.element.classList.add("candidate--stale");
    this.element.hidden = isHidden;
    this.#removeOption();
  }

  clear() {
    this.element.hidden = true;
    this.token = null;
    this.#removeOption();
  }

  #removeOption() {
    for (const name of ["role", "aria-selected", "aria-label", "data-token", "data-picked", "title"]) {
      this.element.removeAttribute(name);
    }
    this.element.classList.remove("candidate--chosen", "candidate--left-out");
  }
}

/** @param {string} text */
const isSingle = (text) => characters(text).length === 1;

/** As in drawer.css.
 * @param {number} slot */
const atSlot = (slot) => `translateY(calc(${slot} * var(--row)))`;

/** The accessible name of a row.
 * @param {string} token @param {string} percent
 * @param {{ isPick: boolean, isExcluded: boolean, drawn: string }} flags */
function nameOf(token, percent, { isPick, isExcluded, drawn }) {
  if (isExcluded) return translate("drawer.bar_left_out", { token, percent });
  const name = isPick ? translate("drawer.bar_pick", { token, percent }) : `${token} ${percent}`;
  return drawn ? translate("drawer.bar_drawn", { name, percent: drawn }) : name;
}
