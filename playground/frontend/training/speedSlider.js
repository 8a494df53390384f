// The slider of a training's speed, in steps per second.

import { config } from "../shared/config.js";
import { drawSliderTrack, find } from "../shared/dom.js";
import { translate } from "../shared/messages.js";

export class SpeedSlider {
  #root;
  #slider;

  /** @param {HTMLElement} root @param {(stepsPerSecond: number | null) => void} onChange */
  constructor(root, onChange) {
    this.#root = root;
    this.#slider = find(root, "input", HTMLInputElement);
    this.#slider.max = String(config.training.speeds.length - 1);
    this.#slider.value = this.#slider.max;
    this.#slider.addEventListener("input", () => this.draw());
    this.#slider.addEventListener("change", () => onChange(this.value));
  }

  /** Steps per second; null: unlimited. */
  get value() {
    return config.training.speeds[Number(this.#slider.value)];
  }

  draw() {
    const speed = this.value;
    const text = speed === null ? translate("learn.speed_max") : translate("learn.speed_steps", { count: speed });
    find(this.#root, ".learn-bar__speed-value").textContent = text;
    this.#slider.setAttribute("aria-valuetext", text);
    drawSliderTrack(this.#slider);
  }

  /** @param {boolean} isVisible */
  show(isVisible) {
    this.#root.hidden = !isVisible;
  }
}
