// Checks of how a text is adapted to a model's characters; run by `npm test` and test_modules.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { same } from "./support.js";

import * as Link from "../../playground/frontend/sharing/link.js";
import * as Text from "../../playground/frontend/shared/text.js";

const CASES = JSON.parse(readFileSync(new URL("../data/texts.json", import.meta.url), "utf-8"));

test("a text takes the forms that are known", () => {
  for (const { name, text, known, adapted } of CASES.adapted) assert.equal(Text.adaptToVocabulary(text, new Set(known)), adapted, name);
});

test("a model can read what it has learned as it was written", () => {
  for (const { name, text, learned } of CASES.texts.filter(({ learned }) => learned !== null)) {
    assert.equal(Text.adaptToVocabulary(text, new Set(learned + "\n")), learned, name);
  }
});

test("an adapted text stays as it is", () => {
  for (const { name, known, adapted } of CASES.adapted) assert.equal(Text.adaptToVocabulary(adapted, new Set(known)), adapted, name);
});

test("the time is linear however many marks a letter has", () => {
  const begun = performance.now();
  Text.adaptToVocabulary("a" + "\u0301\u0323".repeat(250_000), new Set("ab"));
  assert.ok(performance.now() - begun < 60_000);
});

test("a link's prompt has the line ends of a text field", () => {
  same(Link.decode("?prompt=a%0D%0Ab%0Dc%0Ad&v=1").snapshot.prompt, "a\nb\nc\nd");
});

test("the direction of a text is that of its first letter", () => {
  const texts = { "": "ltr", "123 !": "ltr", "let \u05d0": "ltr", "\u05d0 let": "rtl", "1. \u0645": "rtl", "\u{1f600} a": "ltr" };
  for (const [text, direction] of Object.entries(texts)) same(Text.directionOf(text), direction);
});

test("a long text is split in a time that grows with it, and no further than asked", () => {
  const known = new Set("ab");
  same(Text.splitByVocabulary("a\u00e9b\u00e9", known, 2).map(({ text }) => text), ["a", "\u00e9"]);
  same(Text.splitByVocabulary("aab", known, 1).map(({ text }) => text), ["aab"]);
});
