// The timers of playback: one for the next tick, and one for the moment before it at which the pick
// sets out.

export class Ticker {
  #onTick;
  #onStage;
  #tickTimer = 0;
  #stageTimer = 0;
  #tickedAt = -Infinity;

  /** @param {() => void} onTick @param {() => void} onStage */
  constructor(onTick, onStage) {
    this.#onTick = onTick;
    this.#onStage = onStage;
  }

  /** Tick once after a delay, instead of what was scheduled.
   * @param {number} delayMs @param {number} stageMs before the tick; 0: without a stage */
  schedule(delayMs, stageMs) {
    this.cancel();
    this.#tickTimer = setTimeout(this.#onTick, delayMs);
    if (stageMs > 0 && stageMs <= delayMs) this.#stageTimer = setTimeout(this.#onStage, delayMs - stageMs);
  }

  /** Note that a tick took place: the next interval begins now. */
  mark() {
    this.#tickedAt = performance.now();
  }

  /** Milliseconds that are left of an interval.
   * @param {number} intervalMs */
  remaining(intervalMs) {
    return Math.max(0, this.#tickedAt + intervalMs - performance.now());
  }

  cancel() {
    clearTimeout(this.#tickTimer);
    clearTimeout(this.#stageTimer);
  }
}
