// Words beside the controls: a sentence of help for each, the ends of the speed slider, and "off".

/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { createElement, find, setAttribute } from "../shared/dom.js";
import { translate } from "../shared/messages.js";

/** The message of each control by its selector.
 * @type {Record<string, string>} */
const SENTENCES = {
  "#regenerate": "help.regenerate",
  "#speed": "help.speed",
  "#pick": "help.pick",
  "#temperature": "help.temperature",
  "#top-k": "help.top_k",
  "#top-p": "help.top_p",
  "#seed": "help.seed",
  "#training-step": "help.training_step",
};

export class Help {
  #drawer;

  /** @param {HTMLElement} drawer @param {HTMLElement} list of the sentences, for those who can't hover */
  constructor(drawer, list) {
    this.#drawer = drawer;
    const slider = find(drawer, "#speed .slider_input_container");
    slider.dataset.low = translate("help.fast");
    slider.dataset.high = translate("help.slow");
    for (const [selector, key] of Object.entries(SENTENCES)) {
      const control = find(drawer, selector);
      control.title = translate(key);
      for (const input of control.querySelectorAll("input")) input.setAttribute("aria-description", translate(key));
      list.append(createEntry(control, translate(key)));
    }
  }

  /** @param {Player} player */
  draw({ sampling }) {
    this.#mark("#top-k", sampling.top_k === config.controls.top_k.low);
    this.#mark("#top-p", sampling.top_p === config.controls.top_p.high);
  }

  /** @param {string} selector @param {boolean} isOff */
  #mark(selector, isOff) {
    setAttribute(find(this.#drawer, `${selector} label`), "data-off", isOff ? translate("help.off") : null);
  }
}

/** @param {HTMLElement} control @param {string} sentence */
function createEntry(control, sentence) {
  const name = control.querySelector("[data-testid=block-info], label")?.textContent ?? control.textContent;
  const entry = createElement("div");
  entry.append(createElement("dt", "", name?.trim() ?? ""), createElement("dd", "", sentence));
  return entry;
}
