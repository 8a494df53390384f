// Checks of what a screen reader is told while the model writes; run by test_modules.py.

import { all, module, same } from "./checks.js";

const Trace = await module("playback/trace.js");
const { Narrator } = await module("playback/narrator.js");

const step = (position, token, prob = 0.41) => ({ position, token, prob, candidates: [], other: null });

/** A narrator and a player whose text grows; `said` holds [when, what]. */
function begun({ playing = false, interval_ms = 500, prompt = "x" } = {}) {
  const narrator = new Narrator();
  const player = { trace: Trace.start(prompt), playing, interval_ms };
  const said = [];
  let now = 0;
  const hear = (at) => {
    now = at;
    const sentence = narrator.hear(player, at);
    if (sentence !== null) said.push([at, sentence]);
  };
  hear(0);
  return {
    narrator, player, said, hear,
    /** Let time pass, and be asked when it wanted to be. */
    wait(until) {
      while (narrator.due !== null && narrator.due <= until) hear(narrator.due);
      now = until;
    },
    write(token, at = now, prob = 0.41) {
      this.wait(at);
      const { trace } = player;
      player.trace = Trace.advance({ ...trace, ahead: [step(Trace.position(trace), token, prob)] });
      hear(at);
    },
  };
}

const checks = {
  "a choice is read at once, with its odds": () => {
    const it = begun();
    it.write("e", 100);
    same(it.said, [[100, "chose e, 41 percent"]]);
  },
  "characters that a voice passes over are named": () => {
    const heard = (token) => {
      const it = begun();
      it.write(token, 10);
      return it.said[0][1].split(",")[0];
    };
    same([" ", "\n", ".", "?", "K", "é", "\u202e", "\u0301", "5"].map(heard), [
      "chose space", "chose new line", "chose period", "chose question mark", "chose capital K",
      "chose é", "chose U+202E", "chose \u25cc\u0301", "chose 5",
    ]);
  },
  "neither nothing nor certainty is said of what is neither": () => {
    const odds = (prob) => {
      const it = begun();
      it.write("e", 10, prob);
      return it.said[0][1];
    };
    same([0.004, 0.005, 0.994, 0.996, 1].map(odds), [
      "chose e, less than 1 percent", "chose e, 1 percent", "chose e, 99 percent",
      "chose e, more than 99 percent", "chose e, 100 percent",
    ]);
  },
  "choices in quick succession wait for one another": () => {
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
  },
  "played slowly, each character is read as it comes": () => {
    const it = begun({ playing: true, interval_ms: 2000 });
    [1000, 3000, 5000].forEach((at) => it.write("e", at));
    same(it.said.map(([at]) => at), [1000, 3000, 5000]);
  },
  "played at 500 ms and less they are gathered": () => {
    const it = begun({ playing: true });
    Array.from("the king shall").forEach((token, index) => it.write(token, 500 * index));
    it.wait(20_000);
    same(it.said, [[2500, "wrote: the k"], [5000, "wrote: ing s"], [7500, "wrote: hall"]]);
  },
  "at 100 ms no sentence comes sooner than that either": () => {
    const it = begun({ playing: true, interval_ms: 100 });
    for (let at = 0; at < 20_000; at += 100) it.write("a", at);
    const gaps = it.said.slice(1).map(([at], index) => at - it.said[index][0]);
    same(gaps.every((gap) => gap >= 2500 && gap <= 2700), true);
  },
  "what is left is read when playback stops": () => {
    const it = begun({ playing: true });
    Array.from("the").forEach((token, index) => it.write(token, 500 * index));
    it.player.playing = false;
    it.hear(1200);
    it.wait(9000);
    same(it.said, [[1200, "wrote: the"]]);
    same(it.narrator.due, null);
  },
  "but not while the sentence before is still being read": () => {
    const it = begun({ playing: true });
    Array.from("the king").forEach((token, index) => it.write(token, 500 * index));
    it.player.playing = false;
    it.hear(3600);
    it.wait(9000);
    same(it.said, [[2500, "wrote: the k"], [5000, "wrote: ing"]]);
  },
  "lines and blanks are named in a text too": () => {
    const it = begun({ playing: true });
    for (const [index, token] of Array.from("A:\n  b").entries()) it.write(token, index);
    it.wait(9000);
    for (const token of "  ") it.write(token, 10_000);
    it.wait(20_000);
    same(it.said.map(([, text]) => text), ["wrote: A: new line b", "wrote: space"]);
  },
  "a text that is gone is not read": () => {
    const it = begun({ playing: true });
    it.write("a", 0);
    it.write("b", 500);
    it.player.trace = Trace.rewind(it.player.trace, 0);
    it.hear(600);
    it.write("c", 1000);
    it.player.trace = Trace.start("y");
    it.hear(1100);
    it.wait(9000);
    same(it.said, []);
  },
  "what a link brings was written before": () => {
    const it = begun();
    for (const tokens of [["a"], ["b", "c"]]) {
      it.player.trace = Trace.written("x", tokens);
      it.hear(100);
      it.player.trace = { ...it.player.trace };
      it.hear(200);
    }
    it.wait(9000);
    same(it.said, []);
    it.write("d", 9000);
    same(it.said, [[9000, "chose d, 41 percent"]]);
  },
  "another future of the same text changes nothing": () => {
    const it = begun({ playing: true });
    it.write("a", 0);
    it.player.trace = Trace.fork(it.player.trace);
    it.write("b", 500);
    it.wait(9000);
    same(it.said, [[2500, "wrote: ab"]]);
  },
};

export const run = () => all(checks);
