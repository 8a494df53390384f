// Contexts that differ from the whole one: shorter, or without one token. Pure.

/** @import { OtherContext, Step } from "../types.js" */
/** @import { PairedRow } from "./pairedBars.js" */

import { rest, rows } from "../playback/trace.js";
import { formatPercent } from "../shared/text.js";
import { othersRow } from "./pairedBars.js";

/** How a context is changed: only its last tokens are left, or the token at an index is left out.
 * null: not at all.
 * @typedef {{ length: number } | { without: number } | null} Change */

/** @param {string[]} tokens @param {Change} change */
export function changed(tokens, change) {
  if (change === null) return tokens.join("");
  if ("length" in change) return tokens.slice(-change.length).join("");
  return tokens.filter((_, index) => index !== change.without).join("");
}

/** The changes of one kind that a context can have, those nearest to one first.
 * @param {string[]} tokens @param {"length" | "without"} kind @param {number} near @param {number} most
 * @returns {Exclude<Change, null>[]} */
export function changesNear({ length: count }, kind, near, most) {
  const values = Array.from({ length: count }, (_, index) => (kind === "length" ? index + 1 : index))
    .filter((value) => (kind === "length" ? value < count : count > 1))
    .sort((one, other) => Math.abs(one - near) - Math.abs(other - near))
    .slice(0, most);
  return values.map((value) => (kind === "length" ? { length: value } : { without: value }));
}

/** A change that a context of so many tokens can have; null for one that it can't.
 * @param {Change} change @param {number} count @returns {Change} */
export function fitting(change, count) {
  if (change === null) return null;
  if ("length" in change) return change.length >= 1 && change.length < count ? change : null;
  return change.without < count && count > 1 ? change : null;
}

/** How much of the odds of a token is lost, -1 to 1: 1 is all of them, -1 at least as much as they were won.
 * @param {number} before @param {number} after */
export const fallOf = (before, after) => (before > 0 ? Math.max(-1, (before - after) / before) : 0);

/** The bars of a step, each with the same odds beside it.
 * @param {Step} step @returns {PairedRow[]} */
export function unmovedRows(step) {
  const shown = rows(step).map(({ text, prob }) => rowOf(text, prob, prob, text === step.text));
  const left = rest(step);
  return withOthers(shown, left.count, left.prob, left.prob);
}

/** The bars after another context, with the odds after the whole one beside them.
 * @param {OtherContext} found @param {string} token that is followed: it has a row in any case
 * @param {number} before its probability after the whole context @returns {PairedRow[]} */
export function movedRows({ candidates, other, prob }, token, before) {
  const shown = candidates.map((row) => rowOf(row.token, row.prob, row.before, row.token === token));
  if (shown.some(({ isPick }) => isPick)) return withOthers(shown, other.count, other.prob, other.before);
  shown.push(rowOf(token, prob, before, true));
  return withOthers(shown, other.count - 1, Math.max(0, other.prob - prob), Math.max(0, other.before - before));
}

/** @param {string} text @param {number} prob @param {number} second @param {boolean} isPick @returns {PairedRow} */
const rowOf = (text, prob, second, isPick) => ({ text, prob, second, isPick, note: formatPercent(second) });

/** @param {PairedRow[]} shown @param {number} count @param {number} prob @param {number} second */
const withOthers = (shown, count, prob, second) =>
  (count > 0 ? [...shown, othersRow(count, { prob, second, note: formatPercent(second) })] : shown);
