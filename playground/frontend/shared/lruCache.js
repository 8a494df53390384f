// A cache of bounded size. Pure.

/** Maps keys to values; the least recently used entry is evicted first.
 * @template V */
export class LruCache {
  #max;
  /** The least recently used entry first.
   * @type {Map<string, V>} */
  #entries = new Map();

  /** @param {number} max number of entries */
  constructor(max) {
    this.#max = max;
  }

  get size() {
    return this.#entries.size;
  }

  /** @param {string} key */
  has(key) {
    return this.#entries.has(key);
  }

  /** @param {string} key @returns {V | undefined} */
  get(key) {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  /** @param {string} key @param {V} value */
  set(key, value) {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#max) this.#entries.delete(/** @type {string} */ (this.#entries.keys().next().value));
  }
}
