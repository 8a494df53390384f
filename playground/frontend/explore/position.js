// The position in the text that a panel is about: that of the player's bars.

/** @import { Player } from "../playback/player.js" */

import { goByKey } from "../playback/positionKeys.js";
import { lastTokens, positionKey, tokenAt } from "../playback/trace.js";
import { closestTarget, find, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { tokenLabel } from "../shared/text.js";

/** Why nothing can be said about the position: the key of a sentence; null where something can.
 * @param {Player} player */
export function obstacleOf({ status, isFirst, canLookBack, next, isStale, notice }) {
  /** @type {Record<string, string>} */
  const sentences = { loading: "status.loading", "no-model": "status.no_model", "no-input": "status.no_input", unknown: "status.unknown" };
  if (status in sentences) return sentences[status];
  if (isFirst) return "status.place_first";
  if (!canLookBack || ((!next || isStale) && notice)) return "status.waiting";
  return null;
}

/** The position of the token that the bars predict.
 * @param {Player} player */
export const positionOf = ({ caret, length }) => caret ?? length;

/** The last tokens before the position.
 * @param {Player} player @param {number} count */
export const tokensBefore = (player, count) => lastTokens(player.trace, count, positionOf(player));

/** Numbers by letters as a panel's state in a link, `p12~k5`; null ones are left out.
 * @param {Record<string, number | null>} numbers */
export const encodeState = (numbers) =>
  Object.entries(numbers).flatMap(([letter, value]) => (value === null ? [] : [letter + value])).join("~");

/** @param {string} state @returns {Record<string, number | undefined>} */
export const decodeState = (state) =>
  Object.fromEntries(Array.from(state.matchAll(/([a-z])(\d{1,9})(?=~|$)/g), ([, letter, digits]) => [letter, Number(digits)]));

/** The buttons that walk through the text, and the name of the position between them. */
export class PositionButtons {
  #label;
  #back;
  #on;

  /** @param {HTMLElement} element the panel @param {Player} player */
  constructor(element, player) {
    this.#label = find(element, ".walk__place");
    this.#back = find(element, "[data-walk=back]", HTMLButtonElement);
    this.#on = find(element, "[data-walk=on]", HTMLButtonElement);
    find(element, ".walk").addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-walk]");
      if (button) goByKey(player, button === this.#back ? "ArrowLeft" : "ArrowRight");
    });
  }

  /** @param {Player} player */
  draw({ caret, length, trace, canLookBack }) {
    // A disabled button would lose the focus.
    this.#back.setAttribute("aria-disabled", String(!canLookBack || length === 0 || caret === 0));
    this.#on.setAttribute("aria-disabled", String(caret === null));
    const character = tokenLabel(tokenAt(trace, caret ?? 0) ?? "");
    setText(this.#label, caret === null ? translate("explore.at_end") : translate(positionKey(trace), { number: caret + 1, length, character }));
  }
}
