// Tokenizers side by side: which of them, and each text asked for once.

import "./support.js";

import assert from "node:assert/strict";
import test from "node:test";

import { decodeBase64Url, encodeBase64Url } from "../../playground/frontend/shared/base64url.js";
import { charactersOf, TokenizedTexts, tokenizeCharacters, tokenizersOf } from "../../playground/frontend/explore/tokenizers.js";

const session = (id, tokenizer, more = {}) => ({
  session_id: id, source: "bundled", name: id.toUpperCase(), repo_id: null, tokenizer,
  vocabulary: ["a", "b"], vocab_size: 2, params: 10, ...more,
});
const { signal } = new AbortController();

test("the model's own first, one of characters, each of tokens, and the well-known ones", () => {
  const sessions = [session("one", "characters"), session("two", "characters"), session("pieces", "tokens"), session("none", "characters", { params: null })];
  const names = (own) => tokenizersOf(own, sessions, new Map()).map(({ name }) => name);
  assert.deepEqual(names(sessions[1]), ["TWO", "PIECES", "GPT-2"]);
  assert.deepEqual(names(sessions[2]), ["PIECES", "ONE", "GPT-2"]);
  assert.deepEqual(names(null), ["ONE", "PIECES", "GPT-2"]);
  const loaded = session("owner/name@1", "tokens", { source: "hub", repo_id: "owner/name" });
  assert.deepEqual(names(loaded), ["owner/name", "ONE", "PIECES", "GPT-2"]);
});

test("characters are compared once they are known: a list of sessions lacks them", () => {
  const listed = session("one", "characters", { vocabulary: undefined });
  const sessions = [listed, session("pieces", "tokens", { vocabulary: undefined })];
  const names = (whole) => tokenizersOf(sessions[1], sessions, whole).map(({ name }) => name);
  assert.equal(charactersOf(sessions[1], sessions), listed);
  assert.deepEqual(names(new Map()), ["PIECES", "GPT-2"]);
  assert.deepEqual(names(new Map([["one", session("one", "characters")]])), ["PIECES", "ONE", "GPT-2"]);
});

test("each character is a token, those that the model doesn't know have no number", () => {
  const shown = tokenizeCharacters("a😀", new Map([["a", 7]]));
  assert.deepEqual(shown, [{ id: 7, text: "a", start: 0, end: 1 }, { id: null, text: "😀", start: 1, end: 2 }]);
});

test("each text is asked for once, the empty one never", async () => {
  const asked = [];
  const tokenizer = { id: "x", name: "x", size: 2, ask: async (text) => (asked.push(text), { tokens: [{ id: 1, text, start: 0, end: 1 }] }) };
  const tokenized = new TokenizedTexts();
  await tokenized.fetch([tokenizer], ["a", "", "a"], signal);
  await tokenized.fetch([tokenizer], ["a"], signal);
  assert.deepEqual(asked, ["a"]);
  assert.equal(tokenized.get(tokenizer, "a")[0].id, 1);
  assert.deepEqual(tokenized.get(tokenizer, ""), []);
  assert.equal(tokenized.get(tokenizer, "b"), undefined);
});

test("any text is a state of a link and comes back; what is none is null", () => {
  for (const text of ["", "strawberry", " é👩‍🚀\n+/=?", "\ufeffa"]) {
    assert.match(encodeBase64Url(text), /^[\w-]*$/);
    assert.equal(decodeBase64Url(encodeBase64Url(text)), text);
  }
  for (const state of ["~", "a", "_w"]) assert.equal(decodeBase64Url(state), null);
});
