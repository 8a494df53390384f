// One distribution: odds before and after the settings, the line of the draw, tallies, ways on.

import "./support.js";

import assert from "node:assert/strict";
import test from "node:test";

import { compareProbs, intervalAt, intervalsOf, tally } from "../../playground/frontend/explore/draws.js";
import { tokenLabel, visibleText } from "../../playground/frontend/shared/text.js";
import { drawTarget, rawBody } from "../../playground/frontend/explore/drawTarget.js";
import { beamTokens, bitsOf, commonToAll, continued, neighbourOf, pathTo, sharedLengths, treeOf } from "../../playground/frontend/explore/ways.js";
import { defaultSampling } from "../../playground/frontend/playback/sampling.js";
import * as traces from "../../playground/frontend/playback/trace.js";

const close = (actual, expected) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} ≉ ${expected}`);
const tokens = (text) => Array.from(text, (one) => ({ text: one }));

/** "b" and "a" are known, in the order of ids "a", "x", "b", "y". */
const STEP = {
  position: 3, token: "b", prob: 0.4, u: 0.7, low: 0.5, high: 0.9, kept: 4, kept_prob: 1,
  candidates: [{ token: "b", prob: 0.4, low: 0.5, high: 0.9 }, { token: "a", prob: 0.3, low: 0, high: 0.3 }],
  other: { count: 2, prob: 0.3 },
};

test("the odds are divided by what top-k and top-p leave", () => {
  const raw = { ...STEP, candidates: [{ token: "b", prob: 0.35 }, { token: "a", prob: 0.3 }] };
  const { rows, other } = compareProbs(raw, { ...STEP, kept: 1, kept_prob: 0.4 });
  assert.deepEqual(rows, [{ text: "b", raw: 0.35, drawn: 1 }, { text: "a", raw: 0.3, drawn: 0 }]);
  close(other.raw, 0.35);
  assert.equal(other.drawn, 0);
  const three = compareProbs(raw, { ...STEP, kept: 3, kept_prob: 0.8 });
  close(three.rows[1].drawn, 0.375);
  close(three.other.drawn, 0.125);
});

test("without a draw the top choice is certain", () => {
  const { rows, other } = compareProbs(STEP, { ...STEP, u: null, kept: 4 });
  assert.deepEqual(rows.map(({ drawn }) => drawn), [1, 0]);
  assert.equal(other.drawn, 0);
  close(other.raw, 0.3);
});

test("a small vocabulary leaves no others", () => {
  const whole = { ...STEP, candidates: [{ token: "b", prob: 0.6 }, { token: "a", prob: 0.3999999 }], other: { count: 0, prob: 0 } };
  assert.deepEqual(compareProbs(whole, whole).other, { text: "", count: 0, raw: 0, drawn: 0 });
});

test("the line is whole: known intervals in their order, and what lies between them", () => {
  const intervals = intervalsOf(STEP);
  assert.deepEqual(intervals, [
    { text: "a", low: 0, high: 0.3 }, { text: null, low: 0.3, high: 0.5 }, { text: "b", low: 0.5, high: 0.9 }, { text: null, low: 0.9, high: 1 },
  ]);
  assert.deepEqual([0, 0.3, 0.49, 0.5, 0.9, 1].map((u) => intervalAt(intervals, u)), [0, 1, 1, 2, 3, 3]);
});

test("a drawn token without a row has a piece; one that is left out has none", () => {
  const step = {
    ...STEP, token: "x", low: 0.35, high: 0.5,
    candidates: [STEP.candidates[0], { token: "a", prob: 0.3, low: null, high: null }],
  };
  assert.deepEqual(intervalsOf(step).map(({ text }) => text), [null, "x", "b", null]);
});

test("tallies are of the first draws alone", () => {
  const response = { tokens: [{ token: "b" }, { token: "x" }, { token: "a" }], draws: [0, 0, 1, 2, 0, 1] };
  assert.deepEqual(tally(response, ["a", "b", "c"], 4), { counts: [1, 2, 0], other: 1 });
  assert.deepEqual(tally(response, ["a", "b", "c"], 6), { counts: [1, 3, 0], other: 2 });
});

test("a beam is traced back with the odds of each of its tokens", () => {
  const depths = [
    [{ parent: 0, token: "a", logprob: Math.log(0.6) }, { parent: 0, token: "b", logprob: Math.log(0.3) }],
    [{ parent: 1, token: "c", logprob: Math.log(0.15) }, { parent: 0, token: "d", logprob: Math.log(0.12) }],
  ];
  const beam = beamTokens(depths, 0);
  assert.deepEqual(beam.map(({ text }) => text), ["b", "c"]);
  close(beam[0].prob, 0.3);
  close(beam[1].prob, 0.5);
  close(bitsOf(beam.map(({ prob }) => Math.log(prob))), -Math.log2(0.15));
  assert.deepEqual(beamTokens(depths, 1).map(({ text }) => text), ["a", "d"]);
});

test("three ways are one tree: what beam search kept, what it dropped, and what it never had", () => {
  const [half, quarter, eighth] = [2, 4, 8].map((n) => -Math.log(n));
  const depths = [
    [{ parent: 0, token: "a", logprob: half }, { parent: 0, token: "b", logprob: quarter }],
    [{ parent: 1, token: "c", logprob: eighth }, { parent: 1, token: "d", logprob: 2 * eighth }],
  ];
  const way = (text) => Array.from(text, (one) => ({ text: one, logprob: half }));
  const tree = treeOf(depths, [way("ae"), way("bd")], ({ text }, depth) => ({ text, position: depth }));
  assert.deepEqual(tree.map((node) => [node.step.text, node.parent, node.depth, node.row, node.rank, node.isDropped, node.ways]), [
    ["a", null, 0, 0, 0, true, [0]], ["b", null, 0, 1, 1, false, [1, 2]], ["c", 1, 1, 0, 0, false, [2]], ["d", 1, 1, 1, 1, false, [1]],
    ["e", 0, 1, 2, null, false, [0]],
  ]);
  assert.deepEqual(tree.map(({ bits }) => Math.round(bits)), [1, 2, 3, 6, 2]);
  assert.deepEqual(pathTo(tree, 3).map(({ step }) => step.text), ["b", "d"]);
  const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "x"];
  assert.deepEqual(keys.map((key) => neighbourOf(tree, 3, key)), [1, 3, 2, 4, 1, 2, null]);
  assert.deepEqual(keys.map((key) => neighbourOf(tree, 1, key)), [1, 3, 0, 1, 1, 2, null]);
});

test("what ways share is counted in tokens", () => {
  const ways = ["the king", "the knot", "then"].map(tokens);
  assert.deepEqual(sharedLengths(ways), [5, 5, 3]);
  assert.equal(commonToAll(ways), 3);
  assert.deepEqual(sharedLengths([tokens("ab"), tokens("ab"), tokens("ab")]), [2, 2, 2]);
});

test("a way goes on from a place in the prompt or after it", () => {
  const trace = { ...traces.start("abcd"), steps: [{ position: 4, text: "e" }, { position: 5, text: "f" }] };
  const step = { position: 2, text: "x" };
  assert.equal(traces.text(continued(trace, 2, [step])).join(""), "abx");
  assert.equal(traces.text(continued(trace, 5, [step, step])).join(""), "abcdexx");
});

test("the place on screen is asked for with the player's seed, or one that is tried", () => {
  const player = {
    session: { session_id: "plain", block_size: 3, vocabulary: ["a"] }, step: 5, trace: traces.start("abcdef"), caret: null,
    length: 6, unknown: [], sampling: { ...defaultSampling(), pick: "sample", temperature: 0.5 }, usedSeed: 7,
  };
  assert.deepEqual(drawTarget(player, null).body, {
    session_id: "plain", step: 5, context: "def", position: 6, n: 1, temperature: 0.5, top_k: 0, top_p: 1, seed: 7,
  });
  assert.equal(drawTarget(player, 9).body.seed, 9);
  const earlier = drawTarget({ ...player, caret: 2, sampling: { ...player.sampling, pick: "top" } }, null);
  assert.deepEqual([earlier.body.context, earlier.position, earlier.body.temperature, earlier.sampled.temperature], ["ab", 2, 0, 0.5]);
  assert.deepEqual(rawBody(earlier.sampled), { session_id: "plain", step: 5, context: "ab", position: 2, n: 1, temperature: 0 });
  for (const changes of [{ caret: 0 }, { unknown: ["é"] }, { session: null }, { length: 0 }]) {
    assert.equal(drawTarget({ ...player, ...changes }, null), null);
  }
});

test("what is invisible or turns the text around is named", () => {
  assert.equal(visibleText("a b\n\u202e<b>"), "a b\\nU+202E<b>");
  assert.equal(tokenLabel(" "), "(space)");
  assert.equal(tokenLabel("the "), "the ");
});
