// The bars: the distribution of the character after the text on screen. Rows are created once and
// keep their place; their contents and lengths change.

/** @import { Candidate, Rest } from "../types.js" */
/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { createElement, setAttribute } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { characterLabel, formatPercent } from "../shared/text.js";
import { rest, rows } from "./trace.js";

const TRANSITION_MS = 240;
const TRANSITION_PART = 0.6; // of the interval: transitions end before the bars change again

export class Bars {
  #list;
  #other;
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
    const transition = Math.min(TRANSITION_MS, TRANSITION_PART * player.intervalMs);
    this.#list.parentElement?.style.setProperty("--glide", transition + "ms");
    const kept = player.sampling.pick === "sample" ? step?.kept ?? Infinity : Infinity;
    this.#drawRows(player, kept);
    const selected = this.#rows.find((row) => row.element.ariaSelected === "true");
    // While it plays there is nothing to choose; the live region announces what comes.
    setAttribute(this.#list, "aria-activedescendant", player.playing ? null : selected?.element.id ?? null);
    setAttribute(this.#list, "aria-busy", String(!step || player.choosing !== null));
    setAttribute(this.#list, "aria-disabled", String(!player.canChoose));
    this.#drawOther(step && rest(step), step !== null && step.candidates.length >= kept);
  }

  /** @param {Player} player @param {number} kept how many candidates sampling keeps */
  #drawRows(player, kept) {
    const step = player.next;
    const shown = step ? rows(step) : [];
    const { highlighted, choosing } = player;
    this.#rows.forEach((row, index) => {
      if (!step) row.fade(index === this.#rows.length - 1);
      else if (index >= shown.length) row.clear();
      else {
        const { token } = shown[index];
        row.draw(shown[index], {
          isPick: token === step.token,
          isSelected: token === highlighted,
          isChosen: token === choosing,
          // Rows are ordered by probability, except the pick's own at the end.
          isExcluded: index >= kept && token !== step.token,
        });
      }
    });
  }

  /** @param {Rest | null} remaining @param {boolean} isExcluded */
  #drawOther(remaining, isExcluded) {
    this.#other.classList.toggle("candidate--stale", !remaining);
    this.#other.classList.toggle("candidate--left-out", isExcluded);
    this.#other.title = isExcluded ? translate("drawer.left_out") : "";
    this.#other.hidden = remaining?.count === 0;
    if (!remaining) return;
    const [name, bar, value] = /** @type {HTMLElement[]} */ ([...this.#other.children]);
    name.textContent = translate("drawer.others", { count: remaining.count });
    bar.style.setProperty("--p", String(remaining.prob));
    value.textContent = formatPercent(remaining.prob);
  }
}

/** The bar of a candidate. */
class Row {
  /** @param {string} id */
  constructor(id) {
    this.element = createElement("div", "candidate");
    this.element.id = id;
    this.mark = createElement("span", "candidate__mark");
    this.name = createElement("span", "candidate__name");
    this.bar = createElement("span", "candidate__bar");
    this.value = createElement("span", "candidate__value");
    this.element.append(...[this.mark, this.name, this.bar, this.value].flatMap((part) => [part, " "]));
    this.mark.ariaHidden = "true";
  }

  /** @param {Candidate} candidate
   * @param {{ isPick: boolean, isSelected: boolean, isChosen: boolean, isExcluded: boolean }} flags */
  draw({ token, prob }, { isPick, isSelected, isChosen, isExcluded }) {
    const { element } = this;
    const label = characterLabel(token);
    element.hidden = false;
    element.classList.remove("candidate--stale");
    element.classList.toggle("candidate--chosen", isChosen);
    element.classList.toggle("candidate--named", label !== token);
    element.classList.toggle("candidate--left-out", isExcluded);
    element.title = isExcluded ? translate("drawer.left_out") : "";
    this.mark.textContent = isPick ? "✓" : "";
    this.name.textContent = label;
    this.bar.style.setProperty("--p", String(prob));
    this.value.textContent = formatPercent(prob);
    element.role = "option";
    element.ariaSelected = String(isSelected);
    const params = { token: label, percent: formatPercent(prob) };
    if (isPick) element.ariaLabel = translate("drawer.bar_pick", params);
    else if (isExcluded) element.ariaLabel = translate("drawer.bar_left_out", params);
    else element.ariaLabel = `${params.token} ${params.percent}`;
    element.dataset.token = token;
    element.toggleAttribute("data-picked", isPick);
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
    this.#removeOption();
  }

  #removeOption() {
    for (const name of ["role", "aria-selected", "aria-label", "data-token", "data-picked", "title"]) {
      this.element.removeAttribute(name);
    }
    this.element.classList.remove("candidate--chosen", "candidate--left-out");
  }
}
