// Checks of undo and redo, and of what is stored of a text.

import { test } from "node:test";

import { same } from "./support.js";

import { canRedo, canUndo, emptyHistory, HISTORY_MAX, HISTORY_TOKENS_MAX, record, redo, undo } from "../../playground/frontend/playback/history.js";
import { decodeTrace, encodeTrace } from "../../playground/frontend/playback/moments.js";
import { isSameText, restore, start } from "../../playground/frontend/playback/trace.js";

const written = (prompt, text) => restore(prompt, Array.from(text, (token, id) => ({ id, text: token })));

/** Pseudorandom numbers below n, the same in every run. */
function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
}

test("undo returns to the text before a change, redo to the text after it", () => {
  const [before, after] = [written("once", " upon"), written("once more", "")];
  const undone = undo(record(emptyHistory, before, "typing"), after);
  same(isSameText(undone.trace, before), true);
  const redone = redo(undone.history, undone.trace);
  same(isSameText(redone.trace, after), true);
  same(canUndo(redone.history, redone.trace), true);
  same(undo(emptyHistory, before), null);
});

test("after any changes, undo goes back through every text, and redo forth", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const below = numbers(seed);
    const texts = [written("a", "")];
    let history = emptyHistory;
    for (let change = 0; change < 30; change += 1) {
      const trace = written("a".repeat(1 + below(4)), "b".repeat(below(4)));
      if (isSameText(trace, texts.at(-1))) continue;
      history = record(history, texts.at(-1), "change");
      texts.push(trace);
    }
    let trace = texts.at(-1);
    const back = [trace];
    while (canUndo(history, trace)) {
      ({ history, trace } = undo(history, trace));
      back.push(trace);
    }
    same(back.map(encodeTrace), [...texts].reverse().map(encodeTrace));
    const forth = [trace];
    while (canRedo(history, trace)) {
      ({ history, trace } = redo(history, trace));
      forth.push(trace);
    }
    same(forth.map(encodeTrace), texts.map(encodeTrace));
  }
});

test("letters of a word are one change, and a change that changed nothing is none", () => {
  let history = record(emptyHistory, start(""), "typing");
  history = record(history, start("a"), "typing", true);
  same(history.past.length, 1);
  history = record(history, start("ab"), "clear", true);
  same(history.past.length, 2);
  same(canUndo(record(emptyHistory, start("ab"), "play"), start("ab")), false);
});

test("a history is bounded", () => {
  let history = emptyHistory;
  for (let index = 0; index < 2 * HISTORY_MAX; index += 1) history = record(history, start(String(index)), "change");
  same(history.past.length, HISTORY_MAX);
  same(undo(history, start("now")).trace.text, String(2 * HISTORY_MAX - 1));
});

test("what is stored of a text comes back: tokens with ids, choices, and who wrote them", () => {
  const by = [{ session_id: "s", name: "small", step: 10 }, { session_id: "t", name: "large", step: 20 }];
  const tokens = [{ id: 3, text: "\u{1f600}" }, { id: 300, text: "ing" }, { id: 4, text: "x" }];
  const trace = restore("pr\u00f6mpt", tokens, [1], [by[0], by[0], by[1]]);
  const stored = JSON.parse(JSON.stringify(encodeTrace(trace)));
  same(stored.authors.length, 2);
  same(encodeTrace(decodeTrace(stored)), stored);
  same(decodeTrace(stored).steps.map((step) => step.by), [by[0], by[0], by[1]]);
  same(decodeTrace(encodeTrace(start("only typed"))), start("only typed"));
});

test("long texts leave less to undo, and the last change always", () => {
  const texts = Array.from({ length: 4 }, (_, index) => start("a".repeat(HISTORY_TOKENS_MAX / 2 - 1 + index)));
  const kept = texts.reduce((history, trace) => record(history, trace, "typing"), emptyHistory);
  same(kept.past.map(({ text }) => text.length), [HISTORY_TOKENS_MAX / 2 + 2]);
  const short = start("a");
  same(record(record(emptyHistory, texts[0], "typing"), short, "typing").past.length, 2);
  same(record(emptyHistory, start("a".repeat(HISTORY_TOKENS_MAX + 1)), "typing").past.length, 1);
});
