// Speed and sampling as the visitor sets them: one value for field, bars, link and request. A number is
// clamped where it is read, and a field that shows another one is corrected when it is left.

/** @import { PlayableSession, Sampling } from "../types.js" */
/** @import { Player } from "./player.js" */

import { config } from "../shared/config.js";
import { clampSeed, clampToRange, defaultSampling } from "./sampling.js";

/** @typedef {"speed" | "pick" | "temperature" | "top-k" | "top-p" | "seed"} SettingName */

/** The fields, by the names of what they set. */
const FIELDS = "#speed, #temperature, #top-k, #top-p, #seed";

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
    // Gradio's event comes late, perhaps when the field has been left and shows what was used before.
    drawer.addEventListener("input", ({ target }) => {
      if (!(target instanceof HTMLInputElement) || target.type !== "number") return;
      const field = target.closest(FIELDS);
      const value = Number.isNaN(target.valueAsNumber) ? null : target.valueAsNumber;
      if (field) this.set(/** @type {SettingName} */ (field.id), value);
    });
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

  /** `set`, from outside the drawer: its fields follow.
   * @param {SettingName} name @param {any} value */
  setFromElsewhere(name, value) {
    this.set(name, value);
    this.show();
  }

  /** Take over what a link or a moment has set.
   * @param {object} settings
   * @param {Partial<Sampling>} settings.sampling @param {number} [settings.intervalMs]
   * @param {number} [settings.seed] in use unless the sampling has one
   * @param {boolean} [settings.isSamplingOwn] by default where there is any */
  adopt({ sampling, intervalMs, seed, isSamplingOwn = this.isOwn || Object.keys(sampling).length > 0 }) {
    this.isOwn = isSamplingOwn;
    if (intervalMs) this.#player.setInterval(intervalMs);
    if (seed !== undefined) this.#player.seed = seed;
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
