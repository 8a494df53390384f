// The slider of training steps: moves the model of the drawer to another of its checkpoints.

/** @import { Player } from "./player.js" */

import { drawSliderTrack, find, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";

export class StepSlider {
  #root;
  #range;
  #getSteps;

  /** @param {HTMLElement} root
   * @param {() => number[]} getSteps of the model in use
   * @param {(index: number) => void} onMove */
  constructor(root, getSteps, onMove) {
    this.#root = root;
    this.#range = find(root, "input", HTMLInputElement);
    this.#getSteps = getSteps;
    this.#range.addEventListener("input", () => onMove(this.#range.valueAsNumber));
  }

  /** @param {Player} player */
  draw({ step, newest }) {
    const steps = this.#getSteps();
    this.#root.hidden = steps.length < 2 || step === null;
    if (this.#root.hidden || step === null) return;
    const index = newest ? steps.length - 1 : steps.indexOf(step);
    this.#range.max = String(steps.length - 1);
    this.#range.value = String(index < 0 ? steps.length - 1 : index);
    this.#range.setAttribute("aria-valuetext", translate("library.at_step", { step }));
    drawSliderTrack(this.#range);
    setText(find(this.#root, ".step__now"), formatNumber(step));
  }
}
