// The timers of playback: one for the next tick, and one for the animation that ends with it.

export class Ticker {
  #onTick;
  #onBeforeTick;
  #tickTimer = 0;
  #beforeTimer = 0;
  #tickedAt = -Infinity;

  /** @param {() => void} onTick @param {() => void} onBeforeTick */
  constructor(onTick, onBeforeTick) {
    this.#onTick = onTick;
    this.#onBeforeTick = onBeforeTick;
  }

  /** Tick once after a delay, instead of what was scheduled.
   * @param {number} delayMs @param {number} animationMs from onBeforeTick to the tick; 0: without */
  schedule(delayMs, animationMs) {
    this.cancel();
    this.#tickTimer = setTimeout(this.#onTick, delayMs);
    if (animationMs > 0 && animationMs <= delayMs) this.#beforeTimer = setTimeout(this.#onBeforeTick, delayMs - animationMs);
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
    clearTimeout(this.#beforeTimer);
  }
}
