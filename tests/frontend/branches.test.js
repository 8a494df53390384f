// Checks of branches: what is kept of texts that were left, as a tree; storage and links of them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same, throwsRangeError } from "./support.js";

import * as branching from "../../playground/frontend/playback/branches.js";
import { emptyHistory, record, redo, undo, canRedo, canUndo } from "../../playground/frontend/playback/history.js";
import { decodeTextState, encodeTextState } from "../../playground/frontend/playback/moments.js";
import { NO_BRANCHES, restore, start, text } from "../../playground/frontend/playback/trace.js";
import { formatOneIn } from "../../playground/frontend/shared/messages.js";
import { fitLink } from "../../playground/frontend/sharing/fitLink.js";

const written = (prompt, tokens, odds = []) => restore(prompt, Array.from(tokens, (token, id) => ({ id, text: token })), [], [], odds);
const kept = (branches, prompt, tokens) => branching.keep(branches, branching.pathOf(written(prompt, tokens)));
const textOf = (branches, id) => branching.path(branches, id).tokens.map((token) => token.text).join("");
const texts = (branches) => branches.list.map(({ id }) => textOf(branches, id));
const size = ({ list }) => list.reduce((sum, { tokens }) => sum + tokens.length, 0);
/** Pseudorandom numbers below n, the same in every run. */
function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
}
/** Each branch shares with its parent what it says, and no more; texts of the prompt are the prompt's. */
function checkTree(branches) {
  for (const { id, parent, at } of branches.list) {
    const own = branching.path(branches, id);
    if (parent === null) continue;
    const above = branching.path(branches, parent);
    same(own.tokens.slice(0, at).map((token) => token.text), above.tokens.slice(0, at).map((token) => token.text));
    same(branches.list.some((branch) => branch.id === parent), true);
  }
  same(branching.rowsOf(branches).length, branches.list.length);
  same(new Set(branches.list.map(({ id }) => id)).size, branches.list.length);
}

test("a text that is left becomes a branch, at the place where it parts from another", () => {
  const one = kept(NO_BRANCHES, "ab", "cde");
  const two = kept(one.branches, "ab", "cxy");
  same(two.branches.list.map(({ parent, at, tokens }) => [parent, at, tokens.length]), [[null, 0, 5], [1, 3, 2]]);
  same(texts(two.branches), ["abcde", "abcxy"]);
  same(branching.rowsOf(two.branches).map(({ branch, depth }) => [branch.id, depth]), [[1, 0], [2, 1]]);
});

test("what goes on with a branch makes it longer, and what it begins with is no other", () => {
  const one = kept(NO_BRANCHES, "ab", "cd");
  const longer = kept(one.branches, "ab", "cdef");
  same([longer.id, texts(longer.branches)], [1, ["abcdef"]]);
  const shorter = kept(longer.branches, "ab", "c");
  same([shorter.id, shorter.branches === longer.branches], [1, true]);
  same(kept(longer.branches, "", ""), { branches: longer.branches, id: null });
});

test("what was typed is no branch of what was written", () => {
  const { branches } = kept(kept(NO_BRANCHES, "ab", "cd").branches, "abcd", "");
  same(branches.list.map(({ at, typed }) => [at, typed]), [[0, 2], [2, 4]]);
});

test("tokens come back with their ids, odds and choices", () => {
  const trace = restore("p", [{ id: 300, text: "ing" }, { id: 7, text: "\u{1f600}" }], [1], [], [0.5, 0.25]);
  const { branches, id } = branching.keep(NO_BRANCHES, branching.pathOf(trace));
  const back = branching.traceOf(branching.path(branches, id), branches);
  same(back.steps.map((step) => [step.id, step.text, step.knownProb, step.insteadOf]), [[300, "ing", 0.5, undefined], [7, "\u{1f600}", 0.25, null]]);
  same([text(back).join(""), back.branches === branches], ["ping\u{1f600}", true]);
});

test("bits are those of the picks, where their odds are known", () => {
  const bits = (odds) => branching.bitsOf(branching.pathOf(written("ab", "cd", odds)));
  same([bits([0.5, 0.25]), bits([0.5]), bits([1, 1])], [3, null, 0]);
  same([formatOneIn(0), formatOneIn(10), formatOneIn(100)], ["1 in 1", "1 in 1K", "1 in 10³⁰"]);
});

test("a branch is named and pinned; a name is one line of bounded length, whatever it holds", () => {
  const { branches, id } = kept(NO_BRANCHES, "ab", "cd");
  const named = branching.rename(branches, id, "  <img src=x>\n${x}\u202e ");
  same(branching.branchOf(named, id).name, "<img src=x> ${x}\u202e");
  same(Array.from(branching.branchOf(branching.rename(branches, id, "\u{1f600}".repeat(100)), id).name).length, branching.NAME_MAX);
  same(branching.branchOf(branching.pin(named, id, true), id).isPinned, true);
  same(branching.branchOf(branches, id).name, "");
  throwsRangeError(() => branching.rename(branches, 99, "x"));
});

test("the name of a text is that of its branch, not of one that goes on", () => {
  const trace = written("ab", "cd");
  const named = { ...trace, branches: branching.nameText(trace, "mine") };
  same(branching.nameOf(named), "mine");
  same(branching.nameText(named, "other") === named.branches, true); // it has one
  const { branches } = named;
  const shorter = { ...written("ab", "c"), branches };
  same([branching.nameOf(shorter), branching.nameText(shorter, "x") === branches], ["", true]);
  same(branching.nameOf({ ...written("ab", "cde"), branches }), "mine"); // it has grown
  same(branching.nameOf({ ...written("ab", "xy"), branches }), "");
  same([branching.nameOf(start("")), branching.nameText(start(""), "x")], ["", NO_BRANCHES]);
});

test("who wrote a token is known in its branch, too, and after a reload", () => {
  const by = { session_id: "s", name: "S", step: 3 };
  const trace = restore("ab", [{ id: 5, text: "cd" }, { id: 6, text: "e" }], [], [by, undefined]);
  const { branches, id } = branching.keep(NO_BRANCHES, branching.pathOf(trace));
  const stored = JSON.parse(JSON.stringify(encodeTextState({ trace: { ...trace, branches }, history: emptyHistory })));
  for (const one of [branches, decodeTextState(stored).trace.branches]) {
    same(branching.traceOf(branching.path(one, id), one).steps.map((step) => step.by), [by, undefined]);
  }
});

test("without a branch the others keep their texts", () => {
  let branches = NO_BRANCHES;
  for (const tokens of ["aaaa", "aabb", "aabbcc", "aabcdd", "aaba", "xx"]) ({ branches } = kept(branches, "p", tokens));
  for (const { id } of branches.list) {
    const after = branching.remove(branches, id);
    checkTree(after);
    same(texts(after).sort(), branches.list.filter((branch) => branch.id !== id).map((branch) => textOf(branches, branch.id)).sort());
  }
});

test("any sequence keeps a tree of bounded size, and every text that it says it keeps", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const below = numbers(seed);
    const word = () => Array.from({ length: below(6) }, () => "abc"[below(3)]).join("");
    let branches = NO_BRANCHES;
    for (let turn = 0; turn < 60; turn += 1) {
      const { id } = branches.list[below(branches.list.length)] ?? {};
      const action = below(4);
      if (action === 0 && id) {
        const rest = texts(branching.remove(branches, id)).sort();
        same(rest, branches.list.filter((one) => one.id !== id).map((one) => textOf(branches, one.id)).sort());
        same(size(branching.remove(branches, id)) <= size(branches), true); // what several share is kept once
        branches = branching.remove(branches, id);
      } else if (action === 1 && id) branches = branching.pin(branches, id, Boolean(below(2)));
      else {
        const [prompt, tokens] = ["p" + word(), word()];
        const found = kept(branches, prompt, tokens);
        ({ branches } = found);
        same(textOf(branches, found.id).startsWith(prompt + tokens), true);
      }
      checkTree(branches);
      same(branches.list.length <= branching.BRANCHES_MAX, true);
    }
  }
});

test("the oldest go where there are too many, but not what is pinned or named", () => {
  let branches = NO_BRANCHES;
  for (let index = 0; index < branching.BRANCHES_MAX + 5; index += 1) {
    const found = kept(branches, "p", String.fromCharCode(200 + index));
    branches = index === 0 ? branching.pin(found.branches, found.id, true) : index === 1 ? branching.rename(found.branches, found.id, "mine") : found.branches;
  }
  same([branches.list.length, branches.list[0].isPinned, branches.list[1].name], [branching.BRANCHES_MAX, true, "mine"]);
});

test("undo and redo go through texts and branches alike", () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const below = numbers(seed);
    let trace = written("p", "abcabc");
    let history = emptyHistory;
    const seen = [trace];
    const screen = (one) => [text(one).join(""), one.branches.list];
    for (let turn = 0; turn < 25; turn += 1) {
      const all = branching.keep(trace.branches, branching.pathOf(trace));
      const { id } = all.branches.list[below(all.branches.list.length)];
      const changed = [
        () => ({ ...written("p", "abcabc".slice(0, below(6)) + "xyz"[below(3)]), branches: all.branches }),
        () => branching.traceOf(branching.path(all.branches, id), all.branches),
        () => ({ ...trace, branches: branching.rename(all.branches, id, "n" + turn) }),
        () => (id === all.id ? trace : { ...trace, branches: branching.remove(all.branches, id) }),
      ][below(4)]();
      if (JSON.stringify(screen(changed)) === JSON.stringify(screen(trace))) continue;
      history = record(history, trace, "change");
      trace = changed;
      seen.push(trace);
    }
    const back = [trace];
    while (canUndo(history, trace)) back.push(({ history, trace } = undo(history, trace)).trace);
    same(back.map(screen), [...seen].reverse().map(screen));
    const forth = [trace];
    while (canRedo(history, trace)) forth.push(({ history, trace } = redo(history, trace)).trace);
    same(forth.map(screen), seen.map(screen));
  }
});

test("30 branches of 500 tokens are stored and come back, in less than a browser gives", () => {
  let branches = NO_BRANCHES;
  const below = numbers(7);
  for (let index = 0; index < 30; index += 1) {
    const tokens = Array.from({ length: 500 }, () => "abcdefgh"[below(8)]).join("");
    const trace = written("prompt", tokens, Array.from({ length: 500 }, () => (1 + below(999)) / 1000));
    ({ branches } = branching.keep(branches, branching.pathOf(trace)));
  }
  branches = branching.rename(branching.pin(branches, 3, true), 3, "mine");
  const trace = { ...written("prompt", "abc"), branches };
  const history = { past: [start("before", branches)], future: [], kind: "" };
  const json = JSON.stringify(encodeTextState({ trace, history }));
  same(json.length < 1e6, true);
  const back = decodeTextState(JSON.parse(json));
  assert.deepEqual(back.trace.branches, branches);
  same(canUndo(back.history, back.trace), true);
  const { branches: none, ...older } = JSON.parse(json);
  same([none.list.length, decodeTextState(older).trace.branches.list], [30, []]);
});

test("a reload undoes and redoes changes of branches as before it: each is stored once", () => {
  const below = numbers(11);
  let trace = written("p", "abc".repeat(100));
  let history = emptyHistory;
  const change = (changed) => {
    history = record(history, trace, "change");
    trace = changed;
  };
  for (let turn = 0; turn < 12; turn += 1) {
    const all = branching.keep(trace.branches, branching.pathOf(trace));
    change({ ...written("p", "abc".repeat(100).slice(0, 20 + below(200)) + turn), branches: all.branches });
  }
  change({ ...trace, branches: branching.remove(trace.branches, trace.branches.list[3].id) });
  change({ ...trace, branches: branching.rename(trace.branches, trace.branches.list[2].id, "mine") });
  for (let turn = 0; turn < 3; turn += 1) ({ history, trace } = undo(history, trace));
  const walk = (state, step) => {
    const seen = [];
    for (let at = state, found; (found = step(at.history, at.trace)); at = found) seen.push([text(found.trace).join(""), found.trace.branches.list]);
    return seen;
  };
  const json = JSON.stringify(encodeTextState({ trace, history }));
  const back = decodeTextState(JSON.parse(json));
  const again = decodeTextState(JSON.parse(JSON.stringify(encodeTextState(back))));
  for (const step of [undo, redo]) {
    const expected = walk({ trace, history }, step);
    same(expected.length > 2, true);
    for (const one of [back, again]) assert.deepEqual(walk(one, step), expected);
  }
  same(new Set(JSON.parse(json).earlier.list.map(({ tokens }) => tokens.map(([, token]) => token).join(""))).size <= 14, true);
  const older = { ...JSON.parse(json), earlier: undefined }; // as an earlier version stored it
  same(decodeTextState(older).history.past.every(({ branches }) => branches.list.length === trace.branches.list.length), true);
});

test("what is stored of a history has a bound, however many branches were deleted", () => {
  let branches = NO_BRANCHES;
  for (let index = 0; index < 30; index += 1) ({ branches } = kept(branches, "p", "x".repeat(5) + String.fromCharCode(200 + index) + "y".repeat(490)));
  let trace = { ...start("q"), branches };
  let history = emptyHistory;
  while (trace.branches.list.length > 1) {
    history = record(history, trace, "change");
    trace = { ...trace, branches: branching.remove(trace.branches, trace.branches.list[0].id) };
  }
  const json = JSON.stringify(encodeTextState({ trace, history }));
  same(json.length < 1.5e6, true);
  const back = undo(decodeTextState(JSON.parse(json)).history, decodeTextState(JSON.parse(json)).trace);
  same(back.trace.branches.list.length, 2);
});

test("branches of long prompts are stored as texts", () => {
  const prompt = "ab\u{1f600}".repeat(30_000);
  const first = branching.keep(NO_BRANCHES, branching.pathOf(written(prompt, "cd"))).branches;
  const { branches } = branching.keep(first, branching.pathOf(written(prompt.slice(0, 40), "xy")));
  const trace = { ...start("p"), branches };
  const json = JSON.stringify(encodeTextState({ trace, history: emptyHistory }));
  same(json.length < prompt.length + 1000, true);
  assert.deepEqual(decodeTextState(JSON.parse(json)).trace.branches, branches);
});

test("a link to a branch is short enough, or is told what it leaves out", () => {
  const snapshot = { prompt: "pr\u00f6mpt", written: Array.from("x".repeat(400)), chosen: [0, 399], sampling: {} };
  const lengthOf = ({ prompt, written: tokens }) => encodeURIComponent(prompt + tokens.join("")).length;
  same(fitLink(snapshot, lengthOf, 1000), { snapshot, left: 0 });
  const fitted = fitLink(snapshot, lengthOf, 100);
  same([lengthOf(fitted.snapshot), fitted.left, fitted.snapshot.chosen], [100, 400 - fitted.snapshot.written.length, [0]]);
  const tiny = fitLink(snapshot, lengthOf, 4);
  same(fitLink({ ...snapshot, ids: snapshot.written.map((_, id) => id) }, lengthOf, 100).snapshot.ids.length, fitted.snapshot.written.length);
  same([tiny.snapshot.prompt, tiny.snapshot.written, tiny.left], ["pr", [], 404]);
});
