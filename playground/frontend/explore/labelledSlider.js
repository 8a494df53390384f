// A slider of a panel, with its label and its value as text.

/** @import { Range } from "../types.js" */

import { drawSliderTrack, find, setText } from "../shared/dom.js";

export class LabelledSlider {
  #slider;
  #output;
  #format;

  /** @param {HTMLElement} root with a label, an output and a slider @param {Range} range
   * @param {(value: number) => string} format @param {(value: number) => void} [onInput] */
  constructor(root, { low, high, step }, format, onInput = () => {}) {
    this.#slider = find(root, "input", HTMLInputElement);
    this.#output = find(root, "output");
    this.#format = format;
    Object.assign(this.#slider, { min: String(low), max: String(high), step: String(step) });
    this.#slider.addEventListener("input", () => {
      this.#draw();
      onInput(this.value);
    });
  }

  get value() {
    return Number(this.#slider.value);
  }

  /** @param {number} value */
  show(value) {
    this.#slider.value = String(value);
    this.#draw();
  }

  #draw() {
    const text = this.#format(this.value);
    setText(this.#output, text);
    this.#slider.setAttribute("aria-valuetext", text);
    drawSliderTrack(this.#slider);
  }
}
