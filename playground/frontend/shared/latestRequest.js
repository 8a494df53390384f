// The latest of several requests: a new one cancels the one before.

export class LatestRequest {
  /** @type {AbortController | null} */
  #pending = null;

  get isPending() {
    return this.#pending !== null;
  }

  /** Cancel the pending request. */
  cancel() {
    this.#pending?.abort();
    this.#pending = null;
  }

  /** Resolves with the answer, or with null for a request that was cancelled; rejects as `ask`.
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} ask
   * @param {number} [delayMs] within which a newer question costs nothing @returns {Promise<T | null>} */
  async send(ask, delayMs = 0) {
    this.cancel();
    const pending = (this.#pending = new AbortController());
    if (delayMs) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (this.#pending !== pending) return null;
    try {
      const answer = await ask(pending.signal);
      return this.#finish(pending) ? answer : null;
    } catch (error) {
      if (this.#finish(pending)) throw error;
      return null;
    }
  }

  /** Returns whether the request is still the latest.
   * @param {AbortController} request */
  #finish(request) {
    if (this.#pending !== request) return false;
    this.#pending = null;
    return true;
  }
}
