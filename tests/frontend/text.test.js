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
