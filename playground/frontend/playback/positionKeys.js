// Keys that move through a text.

/** @import { Player } from "./player.js" */

/** Go to another position by a key: arrows, Home and End; returns whether it was one of these.
 * @param {Player} player @param {string} key */
export function goByKey(player, key) {
  const { caret, length } = player;
  /** @type {Record<string, number | null>} */
  const positions = { ArrowLeft: (caret ?? length) - 1, ArrowRight: caret === null ? null : caret + 1, Home: 0, End: null };
  if (!(key in positions)) return false;
  player.goTo(positions[key]);
  return true;
}
