// Shortening a snapshot until its link is no longer than what everything lets through. Pure.

/** @import { Snapshot } from "../types.js" */

import { characters } from "../shared/text.js";

/** Leave out as much of the end of the text as is needed: first of what was written, then of the prompt.
 * @param {Snapshot} snapshot @param {(snapshot: Snapshot) => number} lengthOf of its link
 * @param {number} max @returns {{ snapshot: Snapshot, left: number }} left: so many tokens are left out */
export function fitLink(snapshot, lengthOf, max) {
  const prompt = characters(snapshot.prompt);
  const total = prompt.length + snapshot.written.length;
  const first = (/** @type {number} */ count) => ({
    ...snapshot,
    prompt: prompt.slice(0, count).join(""),
    written: snapshot.written.slice(0, Math.max(0, count - prompt.length)),
    ids: snapshot.ids?.slice(0, Math.max(0, count - prompt.length)),
    chosen: snapshot.chosen.filter((index) => index < count - prompt.length),
  });
  if (lengthOf(snapshot) <= max) return { snapshot, left: 0 };
  let fits = 0, tooMany = total;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (lengthOf(first(middle)) <= max) fits = middle;
    else tooMany = middle;
  }
  return { snapshot: first(fits), left: total - fits };
}
