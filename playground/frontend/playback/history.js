// Undo and redo of a trace: an immutable value. Pure: no DOM, no clock.
//
// History: {past: [Trace, …], future: [Trace, …], kind}
//          past: what undo returns to, the latest last; future: what redo returns to, the next last;
//          kind: of the change that was recorded last

/** @import { History, Trace } from "../types.js" */

import { fork, isSame } from "./trace.js";

export const HISTORY_MAX = 200; // changes that can be undone
export const HISTORY_TOKENS_MAX = 2_000_000; // of their texts together: some dozen megabytes

/** @type {History} */
export const emptyHistory = { past: [], future: [], kind: "" };

/** Record a trace that is about to change. Changes of the same kind are one where `merges`: the
 * letters of a word that is typed, say.
 * @param {History} history @param {Trace} trace @param {string} kind @param {boolean} [merges]
 * @returns {History} */
export function record(history, trace, kind, merges = false) {
  if (merges && history.kind === kind && history.future.length === 0) return history;
  return { past: bounded([...history.past, fork(trace)]), future: [], kind };
}

/** The latest of some traces: as many as there is room for, one at least.
 * @param {Trace[]} traces */
function bounded(traces) {
  let room = HISTORY_TOKENS_MAX;
  let from = traces.length;
  const least = Math.max(0, from - HISTORY_MAX);
  while (from > least && (from === traces.length || room >= lengthOf(traces[from - 1]))) {
    from -= 1;
    room -= lengthOf(traces[from]);
  }
  return traces.slice(from);
}

/** @param {Trace} trace */
const lengthOf = ({ prompt, steps }) => prompt.length + steps.length;

/** The trace before the last change, and the history then; null where there is none.
 * @param {History} history @param {Trace} trace
 * @returns {{ history: History, trace: Trace } | null} */
export function undo({ past, future }, trace) {
  const found = lastDifferent(past, trace);
  if (!found) return null;
  const { rest, found: before } = found;
  return { history: { past: rest, future: [...future, fork(trace)], kind: "" }, trace: before };
}

/** The trace before the last undo, and the history then; null where there is none.
 * @param {History} history @param {Trace} trace
 * @returns {{ history: History, trace: Trace } | null} */
export function redo({ past, future }, trace) {
  const found = lastDifferent(future, trace);
  if (!found) return null;
  return { history: { past: [...past, fork(trace)], future: found.rest, kind: "" }, trace: found.found };
}

/** @param {History} history @param {Trace} trace */
export const canUndo = (history, trace) => lastDifferent(history.past, trace) !== null;

/** @param {History} history @param {Trace} trace */
export const canRedo = (history, trace) => lastDifferent(history.future, trace) !== null;

/** The last of the traces whose text, or whose branches, are others: a change may have changed nothing.
 * @param {Trace[]} traces @param {Trace} trace */
function lastDifferent(traces, trace) {
  for (let index = traces.length - 1; index >= 0; index -= 1) {
    if (!isSame(traces[index], trace)) return { found: traces[index], rest: traces.slice(0, index) };
  }
  return null;
}
