// Speed and sampling as the visitor sets them: one value for field, bars, link and request. A number is
// clamped where it is read, and a field that shows another one is corrected when it is left.

/** @import { PlayableSession, Sampling } from "../types.js" */
/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { clampSeed, clampToRange, defaultSampling } from "./sampling.js";

/** @typedef {"speed" | "pick" | "temperature" | "top-k" | "top-p" | "seed"} SettingName */

export class Settings {
  /** Whether the visitor, or a link, has set how to pick: then no model's suggestion applies. */
  isOwn = false;
  #player;
  #write;

  /** @param {Player} player @param {HTMLElement} drawer
   * @param {(settings: Sampling & { intervalMs: number }) => void} write shows values in the fields */
  constructor(player, drawer, write) {
    this.#player = player;
    this.#write = write;
    // After Gradio's own handlers, which clamp what the field shows and tell nobody.
    const correct = (/** @type {Event} */ { target }) => {
      if (target instanceof HTMLInputElement && target.type === "number") setTimeout(() => this.show());
    };
    drawer.addEventListener("focusout", correct);
    drawer.addEventListener("change", correct);
  }

  /** @param {SettingName} name @param {any} value as a component has it; null where a field is empty */
  set(name, value) {
    const { controls } = config;
    const { sampling, intervalMs } = this.#player;
    if (name === "speed") {
      this.#player.setInterval(clampToRange(controls.speed, value, intervalMs));
      return;
    }
    this.isOwn = true;
    /** @type {Record<string, () => Partial<Sampling>>} */
    const changes = {
      pick: () => (controls.pick.choices.includes(value) ? { pick: value } : {}),
      temperature: () => ({ temperature: clampToRange(controls.temperature, value, sampling.temperature) }),
      "top-k": () => ({ top_k: clampToRange(controls.top_k, value, sampling.top_k) }),
      "top-p": () => ({ top_p: clampToRange(controls.top_p, value, sampling.top_p) }),
      seed: () => ({ seed: clampSeed(value) }),
    };
    this.#player.setSampling(changes[name]());
  }

  /** Take over what a link or a moment has set.
   * @param {Partial<Sampling>} sampling */
  adopt(sampling) {
    if (Object.keys(sampling).length) this.isOwn = true;
    this.#player.setSampling(sampling);
    this.show();
  }

  /** Use the sampling that suits a model, unless the visitor has set another.
   * @param {PlayableSession} session */
  suggest({ sampling }) {
    if (this.isOwn) return;
    const { seed } = this.#player.sampling;
    const suggested = { ...defaultSampling(), ...(sampling ? { pick: /** @type {const} */ ("sample"), ...sampling } : {}), seed };
    if (JSON.stringify(suggested) === JSON.stringify(this.#player.sampling)) return;
    this.#player.setSampling(suggested);
    this.show();
  }

  /** Have the fields show what is used. */
  show() {
    this.#write({ ...this.#player.sampling, intervalMs: this.#player.intervalMs });
  }
}
