// How the list of merges grows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shownOf } from "../../playground/frontend/training/merges.js";

test("the first merge is there at once, the first ones come slowly, and in the end all are there", () => {
  const counts = [0, 0.1, 0.5, 0.9, 1, 7].map((share) => shownOf(744, share));
  assert.deepEqual(counts, [1, 8, 187, 603, 744, 744]);
  assert.equal(shownOf(1, 0), 1);
  assert.equal(shownOf(0, 0.5), 0);
});
