// Checks of what is drawn with nothing but an element's own values.

import { test } from "node:test";

import { same } from "./support.js";

import { drawSliderTrack } from "../../playground/frontend/shared/dom.js";

/** How far the track of a slider is filled. */
function filled(min, max, value) {
  let progress;
  drawSliderTrack({ min, max, value, style: { setProperty: (_, shown) => (progress = shown) } });
  return progress;
}

test("a slider's track is filled up to its thumb, whatever it begins with", () => {
  same([filled("1", "3", "1"), filled("1", "3", "2"), filled("0", "4", "1")], ["0%", "50%", "25%"]);
  same(filled("0", "0", "0"), "0%");
});
