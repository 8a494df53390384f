// Checks of what is asked of branches whose odds aren't known: in turn, once, and not after a failure.

import { test } from "node:test";

import { same } from "./support.js";

import { BranchScores } from "../../playground/frontend/explore/branchScores.js";
import { bitsOf, pathOf } from "../../playground/frontend/playback/branches.js";
import { restore } from "../../playground/frontend/playback/trace.js";

const path = (prompt, tokens, probs = []) => pathOf(restore(prompt, Array.from(tokens, (text) => ({ id: -1, text })), [], [], probs));
const scorer = { session: { session_id: "s", vocabulary: ["a", "b"], known: new Map([["a", 0], ["b", 1]]) }, step: 3, newest: false };
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

/** The API where each token has odds of a half; `asked`: the bodies. */
function served(fails = false) {
  const asked = [], errors = [];
  let known = 0;
  const score = async (body) => {
    asked.push(body);
    if (fails) throw new Error("busy");
    return { tokens: Array.from(body.text, (token, index) => ({ token, logprob: index ? Math.log(0.5) : null })) };
  };
  const scores = new BranchScores(score, () => (known += 1), (error) => errors.push(error.message));
  return { asked, errors, scores, count: () => known };
}

test("a branch that came from a link is scored once; what is known of others stays", async () => {
  const { asked, scores, count } = served();
  const paths = [path("a", "bab"), path("a", "b", [0.25]), path("ab", "")];
  for (let turn = 0; turn < 3; turn += 1) {
    scores.request(paths, scorer);
    await settled();
  }
  same([asked, count()], [[{ session_id: "s", step: 3, text: "abab" }], 1]);
  same(paths.map((one) => bitsOf(scores.fill(one, scorer).path)), [3, 2, 0]);
  same(paths.map((one) => scores.fill(one, scorer).isScored), [true, false, false]);
  same(scores.fill(paths[0], { ...scorer, step: 4 }).isScored, false);
  scores.request(paths, { ...scorer, newest: true });
  await settled();
  same(asked.at(-1).step, null);
});

test("a model that can't read a text, or reads it as other tokens, says nothing of it", async () => {
  const { asked, scores } = served();
  scores.request([path("a", "xy")], scorer);
  scores.request([path("a", "b")], { ...scorer, session: null });
  same(asked, []);
  const pieces = { ...scorer, session: { ...scorer.session, vocabulary: [], known: new Map() } };
  const one = pathOf(restore("a", [{ id: 5, text: "bab" }]));
  scores.request([one], pieces);
  await settled();
  same([asked.length, bitsOf(scores.fill(one, pieces).path)], [1, null]);
});

test("after a failure nothing more is asked until the tree is opened again", async () => {
  const { asked, errors, scores } = served(true);
  for (let turn = 0; turn < 2; turn += 1) {
    scores.request([path("a", "b")], scorer);
    await settled();
  }
  same([asked.length, errors], [1, ["busy"]]);
  scores.clear();
  scores.request([path("a", "b")], scorer);
  same(asked.length, 2);
});
