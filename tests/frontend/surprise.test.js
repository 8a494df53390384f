// Checks of surprise: bits, levels, what is drawn together, the hardest places, bars and their mean.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import {
  columnsOf, decodeScore, hardest, levelOf, LEVELS, partsOf, runningMean, runsOf,
} from "../../playground/frontend/explore/surprise.js";
import { toBits } from "../../playground/frontend/shared/bits.js";

/** Pseudorandom numbers from 0 to 1, the same in every run. */
function numbers(seed) {
  let state = seed;
  return () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
}
/** A response of the API for a text with these probabilities; null: not scored. */
const response = (text, probs) => ({
  tokens: Array.from(text, (token, position) => {
    const prob = probs[position];
    return prob === null
      ? { position, token, logprob: null, rank: null, candidates: [] }
      : { position, token, logprob: Math.log(prob), rank: 2, candidates: [{ token: "e", prob: 0.6 }] };
  }),
});
const scored = (text, probs) => decodeScore(response(text, probs), new Map(Array.from("abcdefgh \n", (token, id) => [token, id])));
const random = (count, seed = 1) => {
  const next = numbers(seed);
  const text = Array.from({ length: count }, () => "abcde \n"[Math.floor(7 * next())]).join("");
  return scored(text, Array.from(text, (_, index) => (index ? Math.max(1e-6, next() ** 3) : null)));
};

test("a nat is 1 / ln 2 bits, and the odds of a token are those of its logarithm", () => {
  same(toBits(Math.log(8)).toFixed(12), (3).toFixed(12));
  const [first, second, third] = scored("hex", [null, 0.25, 1 / 9]);
  same(first, { id: 7, text: "h", bits: null, prob: null, rank: null, first: null });
  same([second.id, second.bits.toFixed(9), second.prob, second.first], [4, "2.000000000", 0.25, { text: "e", prob: 0.6 }]);
  same([third.id, third.bits.toFixed(6)], [-1, Math.log2(9).toFixed(6)]);
});

test("the running mean is that of the logarithms", () => {
  const probs = [null, 0.5, 0.25, 0.01, 1];
  const tokens = scored("abcde", probs);
  const total = probs.slice(1).reduce((sum, prob) => sum - Math.log2(prob), 0);
  const means = runningMean(tokens);
  same(means.slice(0, 3), [null, 1, 1.5]);
  assert.ok(Math.abs(means[4] - total / 4) < 1e-9);
  same(runningMean(scored("a", [null])), [null]);
});

test("a level begins at its least bits", () => {
  same(levelOf(0), 0);
  LEVELS.forEach((bits, index) => {
    same(levelOf(bits - 1e-9), index);
    same(levelOf(bits), index + 1);
  });
});

test("the hardest places come in order, the earlier of equals first, none that is not scored", () => {
  same(hardest(scored("abcd", [null, 0.5, 0.1, 0.5]), 3), [2, 1, 3]);
  same(hardest(scored("a", [null]), 3), []);
  const tokens = random(500);
  const places = hardest(tokens, 20);
  const least = Math.min(...places.map((place) => tokens[place].bits));
  same(tokens.filter(({ bits }, place) => bits > least && !places.includes(place)), []);
});

test("runs hold every token once, alike in level, and what can't be seen alone", () => {
  const tokens = random(700);
  const runs = runsOf(tokens);
  same(runs.flatMap((run) => run.tokens).join(""), tokens.map(({ text }) => text).join(""));
  for (const { from, level, isNamed, tokens: texts } of runs) {
    texts.forEach((text, index) => {
      const { bits } = tokens[from + index];
      same([text, bits === null ? null : levelOf(bits)], [tokens[from + index].text, level]);
    });
    same(isNamed, texts.includes("\n"));
    if (isNamed) same(texts.length, 1);
  }
  const named = runsOf(scored("a\u202eb c", [0.5, 0.5, 0.5, 0.5, 0.5]));
  same(named.map((run) => run.tokens.join("")), ["a", "\u202e", "b c"]);
});

test("parts hold every run in order, and break at line ends alone", () => {
  const runs = runsOf(random(3000));
  const parts = partsOf(runs, 100);
  same(parts.flat().length, runs.length);
  assert.ok(parts.length > 10);
  for (const part of parts.slice(0, -1)) {
    same(part.at(-1).tokens, ["\n"]);
    assert.ok(part.at(-1).from + 1 - part[0].from >= 100);
  }
  same(partsOf([], 100), []);
  same(partsOf(runsOf(scored("abc", [0.5, 0.1, 0.5])), 1).length, 1);
});

test("a long line is in parts that break at spaces", () => {
  const line = "once upon a time ".repeat(100);
  const runs = runsOf(scored(line, Array.from(line, (_, index) => (index % 3 ? 0.5 : 0.01))));
  const parts = partsOf(runs, 100, 200);
  same(parts.flat().length, runs.length);
  same(parts.length > 5, true);
  for (const part of parts.slice(0, -1)) {
    same(part.at(-1).tokens.at(-1), " ");
    const length = part.at(-1).from + part.at(-1).tokens.length - part[0].from;
    same(length >= 200 && length < 250, true);
  }
  same(partsOf(runs, 100).length, 1);
});

test("bars hold every scored token, each the most bits among its own", () => {
  for (const most of [1, 7, 50, 1000]) {
    const tokens = random(200);
    const columns = columnsOf(tokens, most);
    assert.ok(columns.length <= most);
    tokens.forEach(({ bits }, position) => {
      if (bits === null) return;
      const column = columns.find(({ from, end }) => position >= from && position < end);
      assert.ok(column.bits >= bits);
      same([tokens[column.at].bits, levelOf(column.bits)], [column.bits, column.level]);
    });
  }
  same(columnsOf(scored("ab", [null, 0.25]), 10), [{ from: 1, end: 2, at: 1, bits: 2, level: 1 }]);
});
