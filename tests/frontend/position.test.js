// Checks of what the panels about a place in the text say: states, shares, changed contexts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import { ContextAnswers } from "../../playground/frontend/explore/contextAnswers.js";
import { changed, changesNear, fallOf, fitting, movedRows, unmovedRows } from "../../playground/frontend/explore/contextVariants.js";
import { lookupOf, sharesOf, verdictOf } from "../../playground/frontend/explore/corpusShares.js";
import { decodeState, encodeState } from "../../playground/frontend/explore/position.js";
import { start, withPrompt } from "../../playground/frontend/playback/trace.js";
import { config } from "../../playground/frontend/shared/config.js";
import { LatestRequest } from "../../playground/frontend/shared/latestRequest.js";
import { RequestError } from "../../playground/frontend/shared/requestError.js";
import { visibleText } from "../../playground/frontend/shared/text.js";

const candidate = (text, prob) => ({ id: 1, text, prob });
const step = (text, prob, candidates, other = { count: 5, prob: 0.1 }) => ({ position: 3, id: 1, text, prob, candidates, other });
const found = (next, { k = 3, counts = [100, 20, 10, 4] } = {}) => ({
  available: true, reason: null, characters: 100, context_used: "abc", k, count: counts[k], counts, places: [],
  next: next.map(([token, count]) => ({ token, count, share: count / counts[k] })),
});
const settled = () => new Promise((resolve) => { setTimeout(resolve, 260); });

test("a state of a panel holds what is set", () => {
  same(encodeState({ p: 12, k: 5 }), "p12~k5");
  same(encodeState({ p: null, k: 0 }), "k0");
  same(encodeState({ p: null, k: null }), "");
  same(decodeState("p12~k5"), { p: 12, k: 5 });
  same(decodeState(""), {});
  same(decodeState("p-1~kx~w"), {});
  same(/^[\w.,~-]*$/.test(encodeState({ p: 12, x: 3 })), true);
});

test("shares stand beside the model's candidates, and all others together", () => {
  const { rows, others } = sharesOf(step("e", 0.6, [candidate("e", 0.6), candidate("a", 0.3)]), found([["a", 3], ["z", 1]]));
  same(rows, [
    { text: "e", prob: 0.6, share: 0, times: 0, isPick: true },
    { text: "a", prob: 0.3, share: 0.75, times: 3, isPick: false },
  ]);
  same(others, { count: 5, prob: 0.1, share: 0.25, times: 1 });
  const never = sharesOf(step("e", 0.9, [candidate("e", 0.9)]), found([], { counts: [100, 5, 1, 0] }));
  same(never.rows[0].share, 0);
  same(never.others.share, 0);
});

test("a pick outside the ten has a row, and is no other any more", () => {
  const { rows, others } = sharesOf(step("q", 0.04, [candidate("e", 0.9)]), found([["q", 4]]));
  same(rows.map(({ text, isPick, times }) => [text, isPick, times]), [["e", false, 0], ["q", true, 4]]);
  same([others.count, others.times], [4, 0]);
});

test("the verdict tells what occurs, what never does, and where memory ends", () => {
  same(verdictOf(found([["a", 4]]), 30, true), { key: "corpus.found", params: { count: 4, total: 100 }, isEdge: true });
  same(verdictOf(found([["a", 4]]), 3, true).isEdge, false);
  same(verdictOf(found([["a", 4]]), 30, false).isEdge, false);
  same(verdictOf(found([], { counts: [100, 5, 1, 0] }), 30, false).key, "corpus.never");
  same(verdictOf(found([], { k: 0 }), 30, false).key, "corpus.anywhere");
});

test("what is looked up is the end of a text, in characters or in the tokens of the model", () => {
  const most = config.corpus.lookup_max;
  const ofCharacters = { session_id: "tales", tokenizer: "characters" };
  same(lookupOf(ofCharacters, start("😀b"), 2), { context: "😀b", available: 2 });
  same(lookupOf(ofCharacters, start("😀b"), 1), { context: "😀", available: 1 });
  same(lookupOf(ofCharacters, start("a".repeat(100)), 100), { context: "a".repeat(most), available: most });

  const ofTokens = { session_id: "pieces", tokenizer: "tokens" };
  const prompt = ["The", " king", " said"].map((text, index) => ({ id: index + 5, text }));
  const trace = withPrompt(start("The king said"), prompt, "pieces");
  same(lookupOf(ofTokens, trace, 2), { context: "The", ids: [6], available: 2 });
  same(lookupOf(ofTokens, trace, 3), { context: "The king said", ids: [], available: 3 });
});

test("tokens of the same text are told apart by their ids", () => {
  const said = found([], { counts: [9, 4], k: 1 });
  said.next = [{ token: "e", token_id: 7, count: 3 }, { token: "e", token_id: 1, count: 1 }];
  const { rows, others } = sharesOf(step("e", 0.6, [candidate("e", 0.6)]), said);
  same(rows.map(({ times }) => times), [1]);
  same(others.times, 3);
});

test("nothing of a quoted text is hidden, and nothing else is changed", () => {
  same(visibleText("a b\n<i>${x}`\u202e\u00ad"), "a b\\n<i>${x}`U+202EU+00AD");
});

test("contexts are cut to their end, or lose a token", () => {
  const tokens = Array.from("hello");
  same(changed(tokens, null), "hello");
  same(changed(tokens, { length: 2 }), "lo");
  same(changed(tokens, { without: 0 }), "ello");
  same(changesNear(tokens, "length", 3, 3).map((change) => changed(tokens, change)), ["llo", "lo", "ello"]);
  same(changesNear(tokens, "without", 5, 2).map((change) => changed(tokens, change)), ["hell", "helo"]);
  same(changesNear(["a"], "without", 0, 9), []);
  same(changesNear(["a"], "length", 1, 9), []);
});

test("a change that a context can't have is none", () => {
  same(fitting({ length: 5 }, 5), null);
  same(fitting({ length: 0 }, 5), null);
  same(fitting({ length: 4 }, 5), { length: 4 });
  same(fitting({ without: 5 }, 5), null);
  same(fitting({ without: 0 }, 1), null);
  same([fallOf(0.5, 0.25), fallOf(0.5, 0.5), fallOf(0.1, 0.9), fallOf(0, 0.9)], [0.5, 0, -1, 0]);
});

test("the bars sum to all, before and after", () => {
  const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
  const unmoved = unmovedRows(step("q", 0.04, [candidate("e", 0.9)]));
  const other = { count: 5, prob: 0.3, before: 0.5 };
  const moved = movedRows({ kl: 1, prob: 0.1, candidates: [{ token: "a", prob: 0.7, before: 0.5 }], other }, "q", 0.2);
  for (const rows of [unmoved, moved]) {
    same(rows.map(({ text }) => text), [rows[0].text, "q", null]);
    assert.ok(Math.abs(sum(rows, "prob") - 1) < 1e-9);
    assert.ok(Math.abs(sum(rows, "second") - 1) < 1e-9);
  }
  same(moved[2].name, "other 4 characters");
});

test("the latest request alone is answered", async () => {
  const latest = new LatestRequest();
  const first = latest.send(() => Promise.resolve(1));
  const second = latest.send(() => Promise.resolve(2), 1);
  same(await Promise.all([first, second]), [null, 2]);
  const given = latest.send(() => Promise.reject(new Error("late")), 1);
  latest.cancel();
  same(await given, null);
  await assert.rejects(latest.send(() => Promise.reject(new Error("now"))));
  same(latest.isPending, false);
});

const BASE = { session_id: "plain", step: null, temperature: 0, context: "hello", token: "x" };
const answer = (text) => ({ kl: text.length, prob: 0, candidates: [], other: { count: 0, prob: 0, before: 0 } });

test("contexts are asked for together and kept while the place stays", async () => {
  const asked = [];
  const compare = async (body) => (asked.push(body.others), { prob: 0.5, others: body.others.map(answer) });
  const answers = new ContextAnswers(compare, () => {}, assert.fail);
  answers.request(BASE, ["a", "bb", "a"]);
  await settled();
  same(asked, [["a", "bb"]]);
  same([answers.before, answers.get("bb").kl, answers.get("c")], [0.5, 2, null]);
  answers.request({ ...BASE }, ["bb", "c"]);
  await settled();
  same(asked.at(-1), ["c"]);
  answers.request({ ...BASE, token: "y" }, ["a"]);
  same(answers.get("a"), null);
  answers.cancel();
  await settled();
  same(asked.length, 2);
});

test("a model that takes long is asked about one context at a time; a failure waits", async () => {
  const sizes = [];
  const compare = async ({ others }) => {
    sizes.push(others.length);
    if (others.length > 1) throw new RequestError("http", "too much", { status: 413 });
    throw new RequestError("network", "away");
  };
  const errors = [];
  const answers = new ContextAnswers(compare, () => answers.request(BASE, ["a", "b"]), (error) => errors.push(error.kind));
  answers.request(BASE, ["a", "b"]);
  await settled();
  await settled();
  same([sizes, answers.isSlow, answers.hasFailed, errors], [[2, 1], true, true, ["network"]]);
  answers.retry();
  await settled();
  same(sizes, [2, 1, 1]);
});
