// Checks of what a screen reader is told while the model writes; run by `npm test` and test_modules.py.

import { test } from "node:test";

import { same } from "./support.js";

import * as Trace from "../../playground/frontend/playback/trace.js";
import { AnnouncementQueue } from "../../playground/frontend/playback/announcements.js";

const step = (position, text, prob = 0.41) => ({ position, id: 0, text, prob, candidates: [], other: null });

/** A queue and a player whose text grows; `said` holds [when, what]. */
function begun({ playing = false, intervalMs = 500, prompt = "x" } = {}) {
  const queue = new AnnouncementQueue();
  const player = { trace: Trace.start(prompt), playing, intervalMs };
  const said = [];
  let now = 0;
  const update = (at) => {
    now = at;
    const sentence = queue.update(player, at);
    if (sentence !== null) said.push([at, sentence]);
  };
  update(0);
  return {
    queue, player, said, update,
    /** Let time pass, and be asked when it wanted to be. */
    wait(until) {
      while (queue.due !== null && queue.due <= until) update(queue.due);
      now = until;
    },
    write(token, at = now, prob = 0.41) {
      this.wait(at);
      const { trace } = player;
      player.trace = Trace.advance({ ...trace, ahead: [step(Trace.position(trace), token, prob)] });
      update(at);
    },
  };
}

test("a choice is read at once, with its odds", () => {
  const it = begun();
  it.write("e", 100);
  same(it.said, [[100, "chose e, 41 percent"]]);
});

test("characters that a voice passes over are named", () => {
  const heard = (token) => {
    const it = begun();
    it.write(token, 10);
    return it.said[0][1].split(",")[0];
  };
  same([" ", "\n", ".", "?", "K", "é", "\u202e", "\u0301", "5"].map(heard), [
    "chose space", "chose new line", "chose period", "chose question mark", "chose capital K",
    "chose é", "chose U+202E", "chose \u25cc\u0301", "chose 5",
  ]);
});

test("neither nothing nor certainty is said of what is neither", () => {
  const odds = (prob) => {
    const it = begun();
    it.write("e", 10, prob);
    return it.said[0][1];
  };
  same([0.004, 0.005, 0.994, 0.996, 1].map(odds), [
    "chose e, less than 1 percent", "chose e, 1 percent", "chose e, 99 percent",
    "chose e, more than 99 percent", "chose e, 100 percent",
  ]);
});

test("choices in quick succession wait for one another", () => {
  const it = begun();
  it.write("a", 100);
  it.write("b", 400);
  it.wait(3000);
  it.write("c", 3200);
  it.write("d", 3300);
  it.write("e", 3400);
  it.wait(9000);
  same(it.said, [
    [100, "chose a, 41 percent"], [1600, "chose b, 41 percent"], [3200, "chose c, 41 percent"], [4700, "wrote: de"],
  ]);
});

test("played slowly, each character is read as it comes", () => {
  const it = begun({ playing: true, intervalMs: 2000 });
  [1000, 3000, 5000].forEach((at) => it.write("e", at));
  same(it.said.map(([at]) => at), [1000, 3000, 5000]);
});

test("played at 500 ms and less they are gathered", () => {
  const it = begun({ playing: true });
  Array.from("the king shall").forEach((token, index) => it.write(token, 500 * index));
  it.wait(20_000);
  same(it.said, [[2500, "wrote: the k"], [5000, "wrote: ing s"], [7500, "wrote: hall"]]);
});

test("at 100 ms no sentence comes sooner than that either", () => {
  const it = begun({ playing: true, intervalMs: 100 });
  for (let at = 0; at < 20_000; at += 100) it.write("a", at);
  const gaps = it.said.slice(1).map(([at], index) => at - it.said[index][0]);
  same(gaps.every((gap) => gap >= 2500 && gap <= 2700), true);
});

test("what is left is read when playback stops", () => {
  const it = begun({ playing: true });
  Array.from("the").forEach((token, index) => it.write(token, 500 * index));
  it.player.playing = false;
  it.update(1200);
  it.wait(9000);
  same(it.said, [[1200, "wrote: the"]]);
  same(it.queue.due, null);
});

test("but not while the sentence before is still being read", () => {
  const it = begun({ playing: true });
  Array.from("the king").forEach((token, index) => it.write(token, 500 * index));
  it.player.playing = false;
  it.update(3600);
  it.wait(9000);
  same(it.said, [[2500, "wrote: the k"], [5000, "wrote: ing"]]);
});

test("lines and blanks are named in a text too", () => {
  const it = begun({ playing: true });
  for (const [index, token] of Array.from("A:\n  b").entries()) it.write(token, index);
  it.wait(9000);
  for (const token of "  ") it.write(token, 10_000);
  it.wait(20_000);
  same(it.said.map(([, text]) => text), ["wrote: A: new line b", "wrote: space"]);
});

test("a text that is gone is not read", () => {
  const it = begun({ playing: true });
  it.write("a", 0);
  it.write("b", 500);
  it.player.trace = Trace.rewind(it.player.trace, 0);
  it.update(600);
  it.write("c", 1000);
  it.player.trace = Trace.start("y");
  it.update(1100);
  it.wait(9000);
  same(it.said, []);
});

test("what a link brings was written before", () => {
  const it = begun();
  for (const tokens of [["a"], ["b", "c"]]) {
    it.player.trace = Trace.restore("x", tokens);
    it.update(100);
    it.player.trace = { ...it.player.trace };
    it.update(200);
  }
  it.wait(9000);
  same(it.said, []);
  it.write("d", 9000);
  same(it.said, [[9000, "chose d, 41 percent"]]);
});

test("another future of the same text changes nothing", () => {
  const it = begun({ playing: true });
  it.write("a", 0);
  it.player.trace = Trace.fork(it.player.trace);
  it.write("b", 500);
  it.wait(9000);
  same(it.said, [[2500, "wrote: ab"]]);
});
