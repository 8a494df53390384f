// Whether the server can be reached. A failed request reports that it can't; from then on it is polled
// until it answers, and the listeners are notified.

/** @typedef {(isLost: boolean) => void} Listener */

export class Connection {
  isLost = false;
  #probe;
  #retryMs;
  /** @type {Listener[]} */
  #listeners = [];

  /** @param {object} options
   * @param {() => Promise<unknown>} options.probe a small request
   * @param {number} options.retryMs between two probes */
  constructor({ probe, retryMs }) {
    this.#probe = probe;
    this.#retryMs = retryMs;
  }

  /** @param {Listener} listener called when the connection is lost, and when it is back */
  listen(listener) {
    this.#listeners.push(listener);
  }

  /** Report that a request got no answer. */
  lose() {
    if (this.isLost) return;
    this.#set(true);
    this.#retry();
  }

  /** Ask now instead of after the interval. */
  async check() {
    try {
      await this.#probe();
    } catch {
      return;
    }
    if (this.isLost) this.#set(false);
  }

  async #retry() {
    while (this.isLost) {
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
      if (this.isLost) await this.check();
    }
  }

  /** @param {boolean} isLost */
  #set(isLost) {
    this.isLost = isLost;
    this.#listeners.forEach((listener) => listener(isLost));
  }
}
