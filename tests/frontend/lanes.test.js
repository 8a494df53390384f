// Checks of two lanes in lockstep: requests, where they part, how far apart they are.

import { test } from "node:test";

import { same } from "./support.js";

import { compareBody, distances, divergence, extend, hasEnded, known, laneBody, START } from "../../playground/frontend/explore/lanes/lockstep.js";
import { restore } from "../../playground/frontend/playback/trace.js";

const lane = (more = {}) => ({ session: { session_id: "s", block_size: 4, end_tokens: [], ...more }, step: 7, params: { temperature: 0.5, seed: 1 } });
const steps = (text) => [...text].map((one) => ({ text: one }));
const trace = restore("abc", [{ id: 0, text: "d" }]);
const lanes = { upper: lane(), lower: lane({ session_id: "t", block_size: 6 }) };

test("both lanes are asked at one position with one seed, each after its own text", () => {
  same(laneBody(lanes.upper, trace, steps("xyz"), 8), { session_id: "s", step: 7, context: "dxyz", position: 7, n: 8, temperature: 0.5, seed: 1 });
  same(laneBody(lanes.lower, trace, steps("uvw"), 8), { session_id: "t", step: 7, context: "cduvw".padStart(6, "b"), position: 7, n: 8, temperature: 0.5, seed: 1 });
});

test("distances are asked for where the upper lane's last tokens were predicted", () => {
  // The last of the three predictions has all but the last token before it; the first one two less.
  same(compareBody(lanes.upper, lanes.lower, trace, steps("wxyz"), 3), {
    session_id: "s", step: 7, temperature: 0.5, other: { session_id: "t", step: 7, temperature: 0.5 }, context: "abcdwxy", positions: 3,
  });
  same(compareBody(lanes.upper, lanes.lower, trace, steps("123456789"), 1).context, "345678");
});

test("lanes part at the first token that differs, once it is on screen", () => {
  const state = extend(START, { upper: steps("abcd"), lower: steps("abxd") }, lanes);
  same([0, 2, 3, 4].map((shown) => divergence({ ...state, shown })), [null, null, 2, 2]);
  same(divergence({ ...extend(START, { upper: steps("ab"), lower: steps("ab") }, lanes), shown: 2 }), null);
});

test("a lane ends with its end token, the other goes on", () => {
  const ends = { upper: lane({ end_tokens: ["\n"] }), lower: lane({ end_tokens: ["\n"] }) };
  const state = extend(START, { upper: steps("a\nb"), lower: steps("abc") }, ends);
  same([state.upper.length, state.lower.length, known(state)], [2, 3, 3]);
  same([hasEnded(state.upper, ends.upper), hasEnded(state.lower, ends.lower)], [true, false]);
  same(divergence({ ...state, shown: 3 }), 1);
});

test("the mean is of the distances on screen that are finite", () => {
  same(distances({ ...START, bits: [1, null, 3, 9], shown: 3 }), { values: [1, null, 3], last: 3, mean: 2 });
  same(distances(START), { values: [], last: null, mean: null });
});
