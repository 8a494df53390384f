// The context as a cell for each token: one can be struck out; a bar below each shows how much of the
// pick's probability is lost without it.

/** @import { Change } from "./contextVariants.js" */

import { closestTarget, createElement, setAttribute, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { characters, formatPercent, SPACE, tokenLabel } from "../shared/text.js";
import { fallOf } from "./contextVariants.js";

export class ContextCells {
  #list;
  #onStrike;
  /** @type {HTMLElement[]} */
  #cells = [];
  /** The tokens that are drawn. */
  #drawn = "";
  #active = 0;

  /** @param {HTMLElement} list @param {(index: number) => void} onStrike a token is to be left out, or is to stand again */
  constructor(list, onStrike) {
    this.#list = list;
    this.#onStrike = onStrike;
    list.addEventListener("click", (event) => {
      const cell = closestTarget(event, "[role=option]");
      if (cell) this.#strike(this.#cells.indexOf(cell));
    });
    list.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey && this.#press(event.key)) event.preventDefault();
    });
  }

  focus() {
    this.#list.focus();
  }

  /** @param {string[]} tokens @param {Change} change
   * @param {(index: number) => number | null} probWithout the pick's probability without a token; null: not known
   * @param {number | null} before its probability with all of them @param {string} pick */
  draw(tokens, change, probWithout, before, pick) {
    const drawn = JSON.stringify(tokens);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#cells = tokens.map(createCell);
      this.#list.replaceChildren(...this.#cells);
      this.#active = tokens.length - 1;
    }
    const first = change && "length" in change ? tokens.length - change.length : 0;
    this.#cells.forEach((cell, index) => {
      const isStruck = change !== null && "without" in change && change.without === index;
      const prob = probWithout(index);
      const fall = prob === null || before === null ? null : fallOf(before, prob);
      cell.classList.toggle("cell--outside", index < first);
      cell.classList.toggle("cell--risen", fall !== null && fall < 0);
      cell.style.setProperty("--fall", String(Math.abs(fall ?? 0)));
      setAttribute(cell, "aria-selected", String(isStruck));
      setAttribute(cell, "aria-label", nameOf(tokens[index], prob, pick, index < first));
    });
    this.#mark();
  }

  #mark() {
    this.#cells.forEach((cell, index) => cell.classList.toggle("cell--active", index === this.#active));
    setAttribute(this.#list, "aria-activedescendant", this.#cells[this.#active]?.id ?? null);
  }

  /** Returns whether the key was used.
   * @param {string} key */
  #press(key) {
    const last = this.#cells.length - 1;
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: this.#active - 1, ArrowRight: this.#active + 1, Home: 0, End: last };
    if (key in targets) {
      this.#active = Math.max(0, Math.min(last, targets[key]));
      this.#mark();
      this.#cells[this.#active]?.scrollIntoView({ block: "nearest" });
    } else if (["Enter", " ", "Delete"].includes(key)) {
      this.#strike(this.#active);
    } else {
      return false;
    }
    return true;
  }

  /** @param {number} index */
  #strike(index) {
    this.#active = index;
    this.#onStrike(index);
  }
}

/** @param {string} token @param {number} index */
function createCell(token, index) {
  const cell = createElement("span", "cell");
  cell.id = `context-cell-${index}`;
  cell.setAttribute("role", "option");
  const text = createElement("span", "cell__text");
  setText(text, token === " " ? SPACE : tokenLabel(token));
  text.classList.toggle("cell__text--named", tokenLabel(token) !== token && characters(token).length === 1);
  cell.append(text, createElement("span", "cell__fall"));
  return cell;
}

/** @param {string} token @param {number | null} prob @param {string} pick @param {boolean} isOutside */
function nameOf(token, prob, pick, isOutside) {
  const character = tokenLabel(token);
  const name = isOutside ? translate("context.outside", { character }) : character;
  return prob === null ? name : translate("context.without", { name, pick: tokenLabel(pick), percent: formatPercent(prob) });
}
