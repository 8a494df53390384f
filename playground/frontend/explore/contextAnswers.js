// Comparisons of other contexts with the present one: requested many at a time, cached while it stays.

/** @import { CompareContextsRequest, CompareContextsResponse, OtherContext } from "../types.js" */

import { config } from "../shared/config.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { asRequestError } from "../shared/requestError.js";

const SETTLE_MS = 200; // a place that is passed
const TOO_LARGE = 413;

/** What all the others are compared with.
 * @typedef {Omit<CompareContextsRequest, "others">} Base */

export class ContextAnswers {
  /** The probability of the token that is followed, after the context itself.
   * @type {number | null} */
  before = null;
  /** Whether the model takes so long that contexts are asked for one at a time. */
  isSlow = false;
  hasFailed = false;

  #compare;
  #onChange;
  #onError;
  #request = new LatestRequest();
  #key = "";
  /** @type {Map<string, OtherContext>} */
  #answers = new Map();

  /** @param {(body: CompareContextsRequest, signal: AbortSignal) => Promise<CompareContextsResponse>} compare
   * @param {() => void} onChange called with every answer @param {(error: unknown) => void} onError */
  constructor(compare, onChange, onError) {
    this.#compare = compare;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** @param {string} context @returns {OtherContext | null} */
  get(context) {
    return this.#answers.get(context) ?? null;
  }

  /** Ask for what is not known yet, the first ones first. Nothing is asked again after a failure, until
   * `retry`, or until it is about another context.
   * @param {Base} base @param {string[]} contexts all that are wanted, more than a request holds, perhaps */
  request(base, contexts) {
    const key = JSON.stringify(base);
    if (key !== this.#key) {
      this.cancel();
      this.#key = key;
    }
    const missing = [...new Set(contexts)].filter((context) => !this.#answers.has(context));
    const most = this.isSlow ? 1 : config.contexts.others_max;
    if (missing.length && !this.#request.isPending && !this.hasFailed) this.#ask(base, missing.slice(0, most));
  }

  retry() {
    this.hasFailed = false;
    this.#onChange();
  }

  /** Forget all. */
  cancel() {
    this.#request.cancel();
    this.#key = "";
    this.#answers = new Map();
    this.hasFailed = this.isSlow = false;
    this.before = null;
  }

  /** @param {Base} base @param {string[]} others */
  async #ask(base, others) {
    const ask = (/** @type {AbortSignal} */ signal) => this.#compare({ ...base, others }, signal);
    try {
      const found = await this.#request.send(ask, this.#answers.size ? 0 : SETTLE_MS);
      if (!found) return;
      others.forEach((context, index) => this.#answers.set(context, found.others[index]));
      this.before = found.prob;
    } catch (error) {
      if (asRequestError(error).status === TOO_LARGE && others.length > 1) this.isSlow = true;
      else {
        this.hasFailed = true;
        this.#onError(error);
      }
    }
    this.#onChange();
  }
}
