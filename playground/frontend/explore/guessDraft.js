// What is being typed where tokens are pieces of words: which tokens it may stand for. As it was typed,
// or with a space before it, for most tokens bring the space before them along.

/** @import { PlacedToken, TokenizeRequest, TokenizeResponse } from "../types.js" */

import { LatestRequest } from "../shared/latestRequest.js";

const SETTLE_MS = 120;
// A token is that of a text's middle only with something before it, which no token takes in.
const BEFORE = "\n";

/** What a typed text may stand for. token: its first token; count: of all its tokens.
 * @typedef {{ token: string, count: number }} Reading */

export class GuessDraft {
  /** @type {Reading[]} */
  readings = [];
  #tokenize;
  #request = new LatestRequest();

  /** @param {(body: TokenizeRequest, signal?: AbortSignal) => Promise<TokenizeResponse>} tokenize */
  constructor(tokenize) {
    this.#tokenize = tokenize;
  }

  clear() {
    this.#request.cancel();
    this.readings = [];
  }

  /** Find the readings of a text: as it is, first. False where a newer one was asked for.
   * Rejects with RequestError.
   * @param {string} sessionId @param {string} text @param {number} [delayMs]
   * @returns {Promise<boolean>} */
  async read(sessionId, text, delayMs = SETTLE_MS) {
    const texts = /^\s/u.test(text) ? [text] : [text, ` ${text}`];
    const found = await this.#request.send(
      (signal) => Promise.all(texts.map((one) => this.#tokensOf(sessionId, one, signal))), delayMs);
    if (!found) return false;
    const readings = found.filter((tokens) => tokens.length > 0).map((tokens) => ({ token: tokens[0].text, count: tokens.length }));
    this.readings = readings.filter(({ token }, index) => readings.findIndex((other) => other.token === token) === index);
    return true;
  }

  /** The tokens of a text as it goes on after another.
   * @param {string} sessionId @param {string} text @param {AbortSignal} signal @returns {Promise<PlacedToken[]>} */
  async #tokensOf(sessionId, text, signal) {
    const { tokens } = await this.#tokenize({ session_id: sessionId, text: BEFORE + text }, signal);
    return tokens.filter(({ start, end }) => start >= BEFORE.length && end > start);
  }
}
