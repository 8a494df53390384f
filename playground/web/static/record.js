// What a training has told so far, as a value that grows; and what it means in words. Pure.

import { grouped } from "./text.js";

export class Record {
  now = null; // the latest answer
  losses = []; // [{step, loss, learning_rate}, …], one for each update that was told
  evaluations = []; // [{step, val_loss, prompt, sampled, accuracy, answers, …}, …] by step

  /** What is known already: only what comes after it has to be told. */
  get since() {
    return this.losses.at(-1)?.step ?? -1;
  }

  absorb(body) {
    this.now = body;
    if (body.whole) this.losses = this.evaluations = [];
    const { since } = this;
    this.losses = [...this.losses, ...body.losses.filter(({ step }) => step > since)];
    const told = new Set(body.evaluations.map(({ step }) => step));
    this.evaluations = [...this.evaluations.filter(({ step }) => !told.has(step)), ...body.evaluations]
      .sort((a, b) => a.step - b.step);
  }

  get latest() {
    return this.evaluations.at(-1) ?? null;
  }
}

const ACTIVE = ["queued", "starting", "training"];
const ENDED = ["stopped", "done", "failed"];
export const is_active = ({ state }) => ACTIVE.includes(state);
export const has_ended = ({ state }) => ENDED.includes(state);

/** Steps that stay playable: all but the newest are kept where they are round, 0, 10, 30, 100 … */
export function offered(checkpoints) {
  return checkpoints.filter((step, index) => index === checkpoints.length - 1 || step === 0 || /^[13]0+$/.test(step));
}

/** 0.4 → "under a second", 75 → "1 min 15 s". */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 1) return "under a second";
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** Where it stands, in a sentence. */
export function standing({ state, note, step, steps, position, estimate_seconds, can_resume }) {
  const at = `step ${grouped(step)}`;
  const wait = estimate_seconds === null ? "" : `, about ${duration(Math.max(1, estimate_seconds))} until it begins`;
  const onwards = can_resume ? " Resume goes on from here." : "";
  return {
    queued: `Waiting: place ${position} in the queue${wait}.`,
    starting: "Getting ready…",
    training: `Learning: ${at} of ${grouped(steps)}`,
    paused: `Paused at ${at} of ${grouped(steps)}. Step makes a single update.`,
    stopped: note ?? `Stopped at ${at} of ${grouped(steps)}.${onwards}`,
    done: `✓ Done: ${grouped(step)} steps.`,
    failed: note ?? `The training failed at ${at}.`,
  }[state];
}

/** What a validation loss tells about what was learned, beside what simple guessers reach. */
export function meaning(loss, landmarks, has_sums) {
  if (loss == null || !landmarks) return "";
  const choices = Math.exp(loss);
  const unsure = `It is as unsure as someone who guesses among ${choices.toFixed(choices < 9.95 ? 1 : 0)} equally likely characters.`;
  if (loss > landmarks.letters) return `${unsure} It does not even know yet which characters are common.`;
  if (loss > landmarks.pairs) return `${unsure} It knows which characters are common; now it learns which follow which.`;
  if (has_sums) return `${unsure} Nobody can guess the terms of a sum, only its result: so it never comes near zero.`;
  return `${unsure} It looks further back than one character: that is where words begin.`;
}
