// The status line of a part of the panel: its last result or error.

import { asRequestError, describeError } from "../../shared/requestError.js";
import { find, setAttribute, setText } from "../../shared/dom.js";

export class StatusLine {
  #element;

  /** @param {HTMLElement} panel @param {string} part of it */
  constructor(panel, part) {
    this.#element = find(panel, `[data-said=${part}]`);
  }

  /** @param {string} text */
  show(text) {
    setAttribute(this.#element, "data-tone", null);
    setText(this.#element, text);
  }

  /** @param {string} text */
  warn(text) {
    setAttribute(this.#element, "data-tone", "warning");
    setText(this.#element, text);
  }

  /** Say why a request failed, unless it was given up.
   * @param {unknown} error */
  fail(error) {
    const failure = asRequestError(error);
    if (failure.kind !== "aborted") this.warn(describeError(failure));
  }
}
