// Checks of what a page around is told; run by test_modules.py.

import { all, module, same } from "./checks.js";

const { events, Teller } = await module("embed/events.js");
const Trace = await module("playback/trace.js");

const step = (position, token = "a") => ({
  position, token, prob: 0.6, candidates: [{ token, prob: 0.6 }, { token: "z", prob: 0.3 }], other: { count: 3, prob: 0.1 },
});
const begun = Trace.foresee(Trace.start("hi"), [step(2), step(3, "b"), step(4, "c")]);
const session = { session_id: "s", end_token: "\n" };
const standing = (trace, completion = null) => ({ ready: true, steps: trace.steps, completion });
const kinds = (told) => told.map(({ type }) => type);

const checks = {
  "a step is told with its place, its token and how long the text is then": () => {
    const after = Trace.advance(Trace.advance(begun));
    same(events(standing(begun), standing(after)), [
      { type: "step", position: 2, token: "a", length: 3 },
      { type: "step", position: 3, token: "b", length: 4 },
    ]);
    same(events(standing(after), standing(after)), []);
  },

  "a choice is told after its step, and only if it replaced the pick": () => {
    same(kinds(events(standing(begun), standing(Trace.choose(begun, "a")))), ["step"]);
    same(events(standing(begun), standing(Trace.choose(begun, "z"))), [
      { type: "step", position: 2, token: "z", length: 3 },
      { type: "choice", position: 2, token: "z", instead_of: "a" },
    ]);
  },

  "an end is told once, and not again when another look is taken": () => {
    const after = Trace.advance(begun);
    same(events(standing(begun), standing(after, "max")).at(-1), { type: "done", reason: "max" });
    same(events(standing(after, "max"), standing(after, "max")), []);
  },

  "what is taken back, or was brought along by a link, is not told": () => {
    const after = Trace.advance(begun);
    same(events(standing(after), standing(Trace.rewind(after, 0))), []);
    const brought = Trace.written("hi", ["x", "y"], [1]);
    same(events(standing(begun), standing(brought, "end")), []);
    same(kinds(events(standing(brought), standing(Trace.advance(Trace.foresee(brought, [step(4)]))))), ["step"]);
  },

  "a player is ready once it has a model, and its end is that of the model": () => {
    const told = [];
    const teller = new Teller((event) => told.push(event));
    const draw = (trace) => teller.draw({ session, trace });
    teller.draw({ session: undefined, trace: begun });
    teller.draw({ session: null, trace: begun });
    same(told, []);
    draw(begun);
    draw(begun);
    const last = Trace.foresee(Trace.start("hi"), [step(2, "\n")]);
    draw(last);
    draw(Trace.advance(last));
    same(kinds(told), ["ready", "step", "done"]);
    same(told.at(-1).reason, "end");
  },

  "what was typed is in no event": () => {
    const secret = Trace.foresee(Trace.start("secret"), [step(6)]);
    same(JSON.stringify(events(standing(begun), standing(Trace.advance(secret)))).includes("secret"), false);
  },
};

export const run = () => all(checks);
