// Checks of a round of the guessing game: whose bits are which; run by `npm test` and test_modules.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import { bitsOf } from "../../playground/frontend/explore/bets.js";
import { beaten, loadRound, playersOf } from "../../playground/frontend/explore/guessRound.js";

const session = { session_id: "plain", name: "plain", tokenizer: "characters", vocab_size: 8 };
const half = Math.log(1 / 2);
const row = (token, logprob) => ({ token, logprob, candidates: [{ token, prob: Math.exp(logprob) }], other: { count: 7, prob: 0.5 } });

const api = (counts) => ({
  getRound: async (body) => ({ ...body, source: "text", context: "😀 ", tokens: Array.from("ab", (token) => ({ token, ...counts })) }),
  score: async ({ text, step }) => {
    same([text, step], ["😀 ab", 3]);
    return { tokens: [row("😀", null), row(" ", 9 * half), row("a", half), row("b", 2 * half)] };
  },
});
const load = (counts) => loadRound(api(counts), session, 3, 7);
const guesses = [{ chips: 10, placed: 10 }, { chips: 0, placed: 10 }];

test("the model's bits are those of the tokens to guess, in characters and not in UTF-16 units", async () => {
  const round = await load({ unigram: 4 * half, bigram: 3 * half });
  same(round.scores.map(({ bits }) => Math.round(bits * 1000)), [1000, 2000]);
  const players = playersOf(round, guesses);
  same(players.map(({ name }) => name), ["you", "model", "bigram", "unigram"]);
  same(players[0].bits, guesses.map((guess) => bitsOf(guess, session.vocab_size)));
  same(players[3].bits.map(Math.round), [4, 4]);
});

test("tokens are scored by their ids, for their texts may fall into others", async () => {
  const scored = (id, logprob) => ({ token: "x", token_id: id, logprob, candidates: [], other: null });
  const round = await loadRound({
    getRound: async () => ({ source: "model", context: "The", tokens: [4, 9].map((id) => ({ token: "x", token_id: id, unigram: null, bigram: null })) }),
    score: async (body) => {
      same(body, { session_id: "plain", step: 3, text: "The", text_ids: [4, 9] });
      return { tokens: [scored(1, null), scored(2, half), scored(4, half), scored(9, 3 * half)] }; // "The" is two tokens
    },
  }, { ...session, tokenizer: "tokens" }, 3, 7);
  same(round.scores.map(({ bits }) => Math.round(bits)), [1, 3]);
});

test("only what has been guessed is counted", async () => {
  const round = await load({ unigram: 4 * half, bigram: 3 * half });
  assert.ok(playersOf(round, guesses.slice(0, 1)).every(({ bits }) => bits.length === 1));
});

test("where the text is not known, nobody counts letters", async () => {
  const players = playersOf(await load({ unigram: null, bigram: null }), guesses);
  same(players.map(({ name }) => name), ["you", "model"]);
});

test("who needed more bits than the learner is beaten", async () => {
  const round = await load({ unigram: 4 * half, bigram: 3 * half });
  same(beaten(playersOf(round, guesses)).map(({ name }) => name), ["unigram"]);
  same(beaten(playersOf(round, [guesses[0], guesses[0]])).map(({ name }) => name), ["model", "bigram", "unigram"]);
  same(beaten(playersOf(round, [guesses[1], guesses[1]])), []);
});
