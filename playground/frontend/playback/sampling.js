// Sampling settings: their defaults, their ranges, and a seed. Pure.

/** @import { Range, Sampling, SamplingParams } from "../types.js" */

import { config } from "../shared/config.js";

const DECIMALS = 2; // of a setting that is no whole number

export const randomSeed = () => Math.floor(Math.random() * (config.link.seed_max + 1));

/** @returns {Sampling} */
export function defaultSampling() {
  const { pick, temperature, top_k: topK, top_p: topP } = config.controls;
  return { pick: pick.default, temperature: temperature.default, top_k: topK.default, top_p: topP.default, seed: null };
}

/** A number as it is used: within its range, rounded; the present one where none was given.
 * @param {Range} range @param {unknown} value @param {number} present */
export function clampToRange({ low, high, step }, value, present) {
  if (typeof value !== "number" || Number.isNaN(value)) return present;
  const inside = Math.min(high, Math.max(low, value));
  return Number.isInteger(step) ? Math.round(inside) : Number(inside.toFixed(DECIMALS));
}

/** A seed as it is used: a whole number that a link can hold; null, a random one, where none was given.
 * @param {unknown} value */
export function clampSeed(value) {
  if (typeof value !== "number" || Number.isNaN(value)) return null;
  return Math.min(config.link.seed_max, Math.max(0, Math.trunc(value)));
}

/** The fields of a request.
 * @param {Sampling} sampling @param {number} seed in use unless one is set @returns {SamplingParams} */
export function samplingParams({ pick, temperature, top_k: topK, top_p: topP, seed: own }, seed) {
  if (pick !== "sample") return { temperature: 0 };
  return { temperature, top_k: topK, top_p: topP, seed: own ?? seed };
}
