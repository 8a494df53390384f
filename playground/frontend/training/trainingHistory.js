// The updates and evaluations of a training, accumulated from its statuses, and their meaning in words.

/** @import { Evaluation, Baselines, TrainingStatus, Update } from "../types.js" */

import { config } from "../shared/config.js";
import { formatNumber, translate } from "../shared/messages.js";

const MINUTE = 60;
const HOUR = 3600;
const WITHOUT_DECIMALS = 9.95; // from here on a number of choices is rounded to an integer

export class TrainingHistory {
  /** The latest status.
   * @type {TrainingStatus | null} */
  now = null;
  /** @type {Update[]} */
  losses = [];
  /** Sorted by step.
   * @type {Evaluation[]} */
  evaluations = [];

  /** The last known step: only updates after it have to be requested. */
  get since() {
    return this.losses.at(-1)?.step ?? -1;
  }

  /** @param {TrainingStatus} status */
  add(status) {
    this.now = status;
    if (status.whole) this.losses = this.evaluations = [];
    const { since } = this;
    this.losses = [...this.losses, ...status.losses.filter(({ step }) => step > since)];
    const replaced = new Set(status.evaluations.map(({ step }) => step));
    this.evaluations = [...this.evaluations.filter(({ step }) => !replaced.has(step)), ...status.evaluations]
      .sort((a, b) => a.step - b.step);
  }

  /** The latest evaluation. */
  get latest() {
    return this.evaluations.at(-1) ?? null;
  }
}

/** @param {{ state: string }} training */
export const isActive = ({ state }) => config.training.active_states.includes(state);

/** @param {{ state: string }} training */
export const hasEnded = ({ state }) => config.training.ended_states.includes(state);

/** Steps whose weights are kept: the milestones, and the newest.
 * @param {number[]} checkpoints */
export function keptSteps(checkpoints) {
  return checkpoints.filter((step, index) => index === checkpoints.length - 1 || config.training.milestones.includes(step));
}

/** 0.4 → "under a second", 75 → "1 min 15 s".
 * @param {number} duration in seconds */
export function formatDuration(duration) {
  const whole = Math.round(duration);
  if (whole < 1) return translate("learn.under_a_second");
  if (whole < MINUTE) return translate("learn.seconds", { seconds: whole });
  if (whole < HOUR) return translate("learn.minutes", { minutes: Math.floor(whole / MINUTE), seconds: whole % MINUTE });
  return translate("learn.hours", { hours: Math.floor(whole / HOUR), minutes: Math.round((whole % HOUR) / MINUTE) });
}

/** A training's state as a sentence.
 * @param {TrainingStatus} status @returns {string} */
export function describeState({ state, note, step, steps, position, estimate_seconds: estimate, can_resume: canResume }) {
  switch (state) {
    case "queued":
      return estimate === null
        ? translate("learn.standing_queued", { position })
        : translate("learn.standing_queued_about", { position, duration: formatDuration(Math.max(1, estimate)) });
    case "starting": return translate("learn.standing_starting");
    case "training": return translate("learn.standing_training", { step, steps });
    case "pausing": return translate("learn.standing_pausing");
    case "paused": return translate("learn.standing_paused", { step, steps });
    case "stopped":
      return note ?? translate(canResume ? "learn.standing_stopped_resumable" : "learn.standing_stopped", { step, steps });
    case "done": return translate("learn.standing_done", { count: step });
    case "failed": return note ?? translate("learn.standing_failed", { step });
    default: throw new RangeError(`there is no state ${state}`);
  }
}

/** A validation loss in words, beside those of the baselines.
 * @param {number | undefined} loss @param {Baselines | null} baselines
 * @param {boolean} isArithmetic whether the training text is arithmetic */
export function explainLoss(loss, baselines, isArithmetic) {
  if (loss == null || !baselines) return "";
  const choices = Math.exp(loss);
  const decimals = choices < WITHOUT_DECIMALS ? 1 : 0;
  const unsure = translate("learn.unsure", { choices: formatNumber(choices, decimals) });
  return `${unsure} ${compareToBaselines(loss, baselines, isArithmetic)}`;
}

/** @param {number} loss @param {Baselines} baselines @param {boolean} isArithmetic */
function compareToBaselines(loss, { letters: unigram, pairs: bigram }, isArithmetic) {
  if (loss > unigram) return translate("learn.meaning_nothing");
  if (loss > bigram) return translate("learn.meaning_letters");
  return translate(isArithmetic ? "learn.meaning_sums" : "learn.meaning_words");
}
