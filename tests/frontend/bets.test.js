// Checks of the guessing game's chips and bits; run by `npm test` and test_modules.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import * as Bets from "../../playground/frontend/explore/bets.js";
import { toBits } from "../../playground/frontend/shared/bits.js";

const { CHIPS, NO_BET } = Bets;
const VOCABULARY = Array.from("\n abcdefghijklmnopqrstuvwxyz<$`\u202e");
const typed = (text) => Array.from(text).reduce(Bets.guess, NO_BET);

test("all chips lie on what was typed, in even parts", () => {
  same(typed("e").piles, [["e", 10]]);
  same(typed("ea").piles, [["e", 5], ["a", 5]]);
  same(typed("eat").piles, [["e", 4], ["a", 3], ["t", 3]]);
  same(typed("ee").piles, [["e", 10]]);
  same(typed("abcdefghij").piles.map(([, chips]) => chips), Array(CHIPS).fill(1));
  same(typed("abcdefghijk"), typed("abcdefghij"));
});

test("a character that is typed once more gets one more chip", () => {
  same(typed("eae").piles, [["e", 6], ["a", 4]]);
  same(typed("eaet").piles, [["e", 5], ["a", 4], ["t", 1]]);
});

test("chips are moved: from the hand first, then from the highest other pile", () => {
  const even = typed("ea");
  same(Bets.add(even, "e").piles, [["e", 6], ["a", 4]]);
  const kept = Bets.take(even, "a");
  same([kept.piles, Bets.placedChips(kept)], [[["e", 5], ["a", 4]], 9]);
  same(Bets.add(kept, "e").piles, [["e", 6], ["a", 4]]);
  same(Bets.take(typed("abcdefghij"), "a").piles.length, 9);
  const full = typed("abcdefghij");
  assert.equal(Bets.add(full, "k"), full, "no pile has a chip to spare");
});

test("a guess is taken back, and the others share its chips until they were moved", () => {
  same(Bets.remove(typed("ea"), "e"), typed("a"));
  same(Bets.remove(typed("e"), "e"), NO_BET);
  same(Bets.remove(Bets.add(typed("ea"), "e"), "a"), { piles: [["e", 6]], isEven: false });
});

test("the probabilities of any bet add up to 1, and none is 0", () => {
  for (const text of ["", "e", "ea", "eaet", "abcdefghij"]) {
    for (const bet of [typed(text), Bets.take(typed(text + "z"), "z")]) {
      const size = VOCABULARY.length;
      const probs = VOCABULARY.map((token) => Bets.probabilityOf(Bets.settle(bet, token), size));
      assert.ok(Math.abs(probs.reduce((sum, prob) => sum + prob, 0) - 1) < 1e-12);
      assert.ok(Math.min(...probs) > 0);
    }
  }
});

test("bits are those of the formula", () => {
  const size = 67;
  assert.ok(Math.abs(Bets.bitsOf(Bets.settle(typed("e"), "e"), size) - 0.1354) < 1e-3);
  assert.ok(Math.abs(Bets.bitsOf(Bets.settle(typed("e"), "x"), size) - Math.log2(11 * size)) < 1e-12);
  assert.ok(Math.abs(Bets.bitsOf(Bets.settle(NO_BET, "x"), size) - Math.log2(size)) < 1e-12, "no chip placed: all alike");
  assert.ok(Math.abs(toBits(-Math.log(1 / 8)) - 3) < 1e-12);
});

test("the quality of a guess", () => {
  same([10, 6, 5, 1, 0].map((chips) => Bets.quality({ chips, placed: 10 })), ["most", "most", "some", "some", "none"]);
});

test("guesses survive a reload; what is none is left out", () => {
  const guesses = [{ chips: 10, placed: 10 }, { chips: 0, placed: 7 }, { chips: 3, placed: 3 }];
  const text = Bets.encodeGuesses(guesses);
  same(text, "aa0733");
  same(Bets.decodeGuesses(text), guesses);
  same(Bets.decodeGuesses(""), []);
  for (const other of ["aa0", "zz", "a1", "00", "~~", "a-"]) same(Bets.decodeGuesses(other), []);
});
