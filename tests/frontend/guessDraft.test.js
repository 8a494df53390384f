// Checks of what a typed text may stand for where tokens are pieces of words.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import { GuessDraft } from "../../playground/frontend/explore/guessDraft.js";

/** A tokenizer of words, each with the space before it, and of line feeds. */
const tokenize = async ({ text }) => ({
  tokens: [{ id: 0, text: "<s>", start: 0, end: 0 }, ...Array.from(text.matchAll(/\n| ?[^ \n]+| /g), ({ 0: word, index }) =>
    ({ id: 1, text: word, start: index, end: index + word.length }))],
});

async function readings(text) {
  const draft = new GuessDraft(tokenize);
  await draft.read("pieces", text, 0);
  return draft.readings;
}

test("a text is read as it was typed, and with a space before it", async () => {
  same(await readings("rd"), [{ token: "rd", count: 1 }, { token: " rd", count: 1 }]);
  same(await readings("the quick"), [{ token: "the", count: 2 }, { token: " the", count: 2 }]);
});

test("a space that was typed is the only one", async () => {
  same(await readings(" the"), [{ token: " the", count: 1 }]);
  same(await readings("\n"), [{ token: "\n", count: 1 }]);
});

test("readings that are the same token are offered once", async () => {
  const draft = new GuessDraft(async ({ text }) => ({ tokens: [{ id: 3, text: " the", start: 1, end: text.length }] }));
  await draft.read("pieces", "the", 0);
  same(draft.readings, [{ token: " the", count: 1 }]);
});

test("the readings are those of the text that was typed last", async () => {
  /** @type {(() => void)[]} */
  const answers = [];
  const slow = async (body) => {
    await new Promise((resolve) => answers.push(() => resolve(undefined)));
    return tokenize(body);
  };
  const draft = new GuessDraft(slow);
  const first = draft.read("pieces", " t", 0);
  const second = draft.read("pieces", " th", 0);
  for (const answer of answers) answer();
  same([await first, await second], [false, true]);
  same(draft.readings.map(({ token }) => token), [" th"]);
  draft.clear();
  assert.equal(draft.readings.length, 0);
});
