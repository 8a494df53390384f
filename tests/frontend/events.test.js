// Checks of what a page around is told; run by `npm test` and test_modules.py.

import { test } from "node:test";

import { same } from "./support.js";

import { diffEvents, EventEmitter } from "../../playground/frontend/embed/events.js";
import * as Trace from "../../playground/frontend/playback/trace.js";

const step = (position, text = "a") => ({
  position, id: 0, text, prob: 0.6, candidates: [{ id: 0, text, prob: 0.6 }, { id: 1, text: "z", prob: 0.3 }], other: { count: 3, prob: 0.1 },
});
const begun = Trace.extend(Trace.start("hi"), [step(2), step(3, "b"), step(4, "c")]);
const session = { session_id: "s", end_tokens: ["\n"] };
const standing = (trace, completion = null) => ({ ready: true, steps: trace.steps, completion });
const kinds = (told) => told.map(({ type }) => type);

test("a step is told with its place, its token and how long the text is then", () => {
  const after = Trace.advance(Trace.advance(begun));
  same(diffEvents(standing(begun), standing(after)), [
    { type: "step", position: 2, token: "a", length: 3 },
    { type: "step", position: 3, token: "b", length: 4 },
  ]);
  same(diffEvents(standing(after), standing(after)), []);
});

test("a choice is told after its step, and only if it replaced the pick", () => {
  same(kinds(diffEvents(standing(begun), standing(Trace.choose(begun, "a")))), ["step"]);
  same(diffEvents(standing(begun), standing(Trace.choose(begun, "z"))), [
    { type: "step", position: 2, token: "z", length: 3 },
    { type: "choice", position: 2, token: "z", instead_of: "a" },
  ]);
});

test("an end is told once, and not again when another look is taken", () => {
  const after = Trace.advance(begun);
  same(diffEvents(standing(begun), standing(after, "max")).at(-1), { type: "done", reason: "max" });
  same(diffEvents(standing(after, "max"), standing(after, "max")), []);
});

test("what is taken back, or was brought along by a link, is not told", () => {
  const after = Trace.advance(begun);
  same(diffEvents(standing(after), standing(Trace.rewind(after, 0))), []);
  const brought = Trace.restore("hi", ["x", "y"], [1]);
  same(diffEvents(standing(begun), standing(brought, "end")), []);
  same(kinds(diffEvents(standing(brought), standing(Trace.advance(Trace.extend(brought, [step(4)]))))), ["step"]);
});

test("a player is ready once it has a model, and its end is that of the model", () => {
  const told = [];
  const teller = new EventEmitter((event) => told.push(event));
  const draw = (trace) => teller.draw({ session, trace });
  teller.draw({ session: undefined, trace: begun });
  teller.draw({ session: null, trace: begun });
  same(told, []);
  draw(begun);
  draw(begun);
  const last = Trace.extend(Trace.start("hi"), [step(2, "\n")]);
  draw(last);
  draw(Trace.advance(last));
  same(kinds(told), ["ready", "step", "done"]);
  same(told.at(-1).reason, "end");
});

test("what was typed is in no event", () => {
  const secret = Trace.extend(Trace.start("secret"), [step(6)]);
  same(JSON.stringify(diffEvents(standing(begun), standing(Trace.advance(secret)))).includes("secret"), false);
});
