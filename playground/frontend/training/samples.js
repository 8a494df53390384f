// The texts that a model sampled at its evaluations, the latest first.

/** @import { Evaluation } from "../types.js" */

import { createElement } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";

export class Samples {
  #list;
  /** By step.
   * @type {Map<number, { element: HTMLElement, sampled: string }>} */
  #samples = new Map();

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#list = list;
  }

  reset() {
    this.#samples.clear();
    this.#list.replaceChildren();
  }

  /** @param {Evaluation[]} evaluations @param {boolean} hasEnded */
  draw(evaluations, hasEnded) {
    this.#list.dataset.empty = translate(hasEnded ? "learn.samples_none" : "learn.samples_empty"); // shown by learn.css
    const shown = evaluations.filter(({ sampled }) => sampled);
    this.#removeAllBut(new Set(shown.map(({ step }) => step)));
    shown.forEach((evaluation) => this.#insert(evaluation));
  }

  /** A training that was reset to an earlier step comes by the later ones again.
   * @param {Set<number>} steps */
  #removeAllBut(steps) {
    for (const [step, { element }] of this.#samples) {
      if (steps.has(step)) continue;
      element.remove();
      this.#samples.delete(step);
    }
  }

  /** @param {Evaluation} evaluation */
  #insert(evaluation) {
    const { step, sampled } = evaluation;
    const existing = this.#samples.get(step);
    if (existing?.sampled === sampled) return;
    existing?.element.remove();
    const element = createSample(evaluation);
    this.#samples.set(step, { element, sampled });
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const earlier = items.find((item) => Number(item.dataset.step) < step);
    // Whoever has scrolled down to an older one keeps it in view.
    const { scrollTop, scrollHeight } = this.#list;
    this.#list.insertBefore(element, earlier ?? null);
    if (scrollTop > 0) this.#list.scrollTop = scrollTop + this.#list.scrollHeight - scrollHeight;
  }
}

/** @param {Evaluation} evaluation */
function createSample({ step, val_loss: loss, prompt, sampled }) {
  const item = createElement("li", "sample");
  item.dataset.step = String(step);
  const text = createElement("p", "sample__text");
  text.dir = "auto";
  text.append(createElement("span", "sample__given", prompt), sampled);
  const head = createElement("p", "sample__step", translate("learn.sample_step", { step }));
  head.append(createElement("span", "sample__loss", ` · ${translate("learn.sample_loss", { loss: formatNumber(loss, 2) })}`));
  item.append(head, text);
  return item;
}
