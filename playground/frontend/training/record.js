// What a training has told so far, as a value that grows; and what it means in words. Pure.

import { number, say } from "../shared/messages.js";

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

const ACTIVE = ["queued", "starting", "training", "pausing"];
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
  if (whole < 1) return say("learn.under_a_second");
  if (whole < 60) return say("learn.seconds", { seconds: whole });
  if (whole < 3600) return say("learn.minutes", { minutes: Math.floor(whole / 60), seconds: whole % 60 });
  return say("learn.hours", { hours: Math.floor(whole / 3600), minutes: Math.round((whole % 3600) / 60) });
}

/** Where it stands, in a sentence. */
export function standing({ state, note, step, steps, position, estimate_seconds, can_resume }) {
  switch (state) {
    case "queued": {
      if (estimate_seconds === null) return say("learn.standing_queued", { position });
      return say("learn.standing_queued_about", { position, duration: duration(Math.max(1, estimate_seconds)) });
    }
    case "starting": return say("learn.standing_starting");
    case "training": return say("learn.standing_training", { step, steps });
    case "pausing": return say("learn.standing_pausing");
    case "paused": return say("learn.standing_paused", { step, steps });
    case "stopped": return note ?? say(can_resume ? "learn.standing_stopped_resumable" : "learn.standing_stopped", { step, steps });
    case "done": return say("learn.standing_done", { count: step });
    case "failed": return note ?? say("learn.standing_failed", { step });
  }
}

/** What a validation loss tells about what was learned, beside what simple guessers reach. */
export function meaning(loss, landmarks, has_sums) {
  if (loss == null || !landmarks) return "";
  const choices = Math.exp(loss);
  const unsure = say("learn.unsure", { choices: number(choices, choices < 9.95 ? 1 : 0) });
  return `${unsure} ${learned(loss, landmarks, has_sums)}`;
}

function learned(loss, { letters, pairs }, has_sums) {
  if (loss > letters) return say("learn.meaning_nothing");
  if (loss > pairs) return say("learn.meaning_letters");
  return say(has_sums ? "learn.meaning_sums" : "learn.meaning_words");
}
