// Checks of going back in a text: places and their odds, branches, undo, and writing that stops.

import { test } from "node:test";

import { same, throwsRangeError } from "./support.js";

import { announcePosition } from "../../playground/frontend/playback/announcements.js";
import { emptyHistory, record, redo, undo, canRedo, canUndo } from "../../playground/frontend/playback/history.js";
import { encodeTrace } from "../../playground/frontend/playback/moments.js";
import { PastSteps, STEPS_MAX, pastStep, probFromScore } from "../../playground/frontend/playback/past.js";
import { Player } from "../../playground/frontend/playback/player.js";
import { afterLine, afterTokens, afterWord, WORD_MAX } from "../../playground/frontend/playback/stops.js";
import * as Trace from "../../playground/frontend/playback/trace.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const VOCABULARY = ["a", "b", "c", "d", "e"];
const known = new Map(VOCABULARY.map((text, id) => [text, id]));
const session = { session_id: "s", name: "small", block_size: 4, vocabulary: VOCABULARY, known, end_tokens: [], source: "bundled" };
const writer = { session, step: 7, newest: false, params: { temperature: 0 } };

/** What a model weighs depends on the context alone. */
function weigh(context, position) {
  const first = (context.length + (context.codePointAt(context.length - 1) ?? 0)) % VOCABULARY.length;
  const order = [...VOCABULARY.slice(first), ...VOCABULARY.slice(0, first)];
  const candidates = order.slice(0, 3).map((token, rank) => ({ token, prob: [0.5, 0.3, 0.1][rank] }));
  return { position, token: order[0], prob: 0.5, candidates, other: { count: 2, prob: 0.1 }, kept: 5, kept_prob: 1 };
}

/** The API with this model; `asked`: the bodies. */
function served() {
  const asked = [];
  const generate = async (body) => {
    asked.push(body);
    let { context } = body;
    const steps = [];
    for (let index = 0; index < body.n; index += 1) {
      steps.push(weigh(context, body.position + index));
      context = (context + steps[index].token).slice(-4);
    }
    return { step: 7, steps };
  };
  const score = async ({ text, ...body }) => {
    asked.push({ ...body, text });
    if (text.length === 1) return { tokens: [{ logprob: Math.log(0.05), candidates: [{ token: "b", prob: 0.5 }], other: { count: 4, prob: 0.5 } }] };
    return { tokens: [{ logprob: null, candidates: [] }, { logprob: Math.log(0.05), candidates: [{ token: "a", prob: 0.5 }] }] };
  };
  return { asked, generate, score };
}

async function played(prompt = "abcd") {
  const { asked, generate, score } = served();
  const player = new Player({ generate, score, onChange: () => {}, onError: (message) => { throw new Error(message); } });
  player.setSession(session, 7);
  player.setPrompt(prompt);
  player.setInterval(100);
  await wait(60);
  return { player, asked };
}

const shown = (player) => Trace.text(player.trace).join("");
const settled = async (player) => {
  for (let turn = 0; turn < 100 && (player.isStale || player.choosing !== null); turn += 1) await wait(5);
};
/** Pseudorandom numbers below n, the same in every run. */
function numbers(seed) {
  let state = seed;
  return (n) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * n);
  };
}

test("tokens, typed or written, are counted in one row", () => {
  const trace = Trace.restore("ab", [{ id: 300, text: "ing" }, { id: 2, text: "c" }]);
  same([0, 1, 2, 3].map((index) => Trace.tokenAt(trace, index)), ["a", "b", "ing", "c"]);
  same(Trace.tokenAt(trace, 4), undefined);
  for (let count = 0; count <= 4; count += 1) {
    same(Trace.text(Trace.cut(trace, count)), ["a", "b", "ing", "c"].slice(0, count));
    same(Trace.lastTokens(trace, 2, count), ["a", "b", "ing", "c"].slice(0, count).slice(-2));
  }
  same(Trace.cut(trace, 1).text, "a");
});

test("a branch is the text before and the choice, and says what was the pick", () => {
  const trace = Trace.restore("ab", [{ id: 300, text: "ing" }, { id: 2, text: "c" }]);
  const picked = { position: 2, id: 0, text: "a", prob: 0.5, candidates: [{ id: 0, text: "a", prob: 0.5 }, { id: 1, text: "b", prob: 0.3 }], other: { count: 3, prob: 0.2 } };
  const branched = Trace.branch(trace, picked, "b");
  same([Trace.text(branched).join(""), branched.steps[0].insteadOf, branched.ahead], ["abb", "a", []]);
  same(Trace.wasChosen(Trace.branch(trace, picked, "a").steps[0]), false);
  throwsRangeError(() => Trace.branch(trace, picked, "z"));
});

test("a token that is no candidate gets its own row, with its odds at the temperature of the bars", () => {
  const picked = { position: 2, id: 0, text: "a", prob: 0.5, candidates: [{ id: 0, text: "a", prob: 0.5 }], other: { count: 4, prob: 0.5 } };
  same(Trace.rows(pastStep(picked, "d", session, 0.05).shown), [{ id: 0, text: "a", prob: 0.5 }, { id: 3, text: "d", prob: 0.05 }]);
  same(pastStep(picked, "a", session, null).shown.prob, 0.5);
  const scored = { tokens: [{ logprob: null, candidates: [] }, { logprob: Math.log(0.1), candidates: [{ token: "a", prob: 0.4 }] }] };
  same(probFromScore(scored, picked, 1).toFixed(6), (0.5 * 0.25).toFixed(6));
  same(probFromScore(scored, picked, 0).toFixed(6), (0.5 * 0.25).toFixed(6));
  same(probFromScore(scored, picked, 0.5).toFixed(6), (0.5 * 0.25 ** 2).toFixed(6));
  same(probFromScore({ tokens: [{ logprob: null, candidates: [] }] }, picked, 1), null);
});

test("a place is asked for with the text before it and its position, once", async () => {
  const { asked, generate, score } = served();
  const past = new PastSteps(generate, score, () => {});
  const trace = Trace.start("abcdabcd");
  same(past.get(writer, trace, 6), null);
  const place = await past.fetch(writer, trace, 6, undefined);
  same(asked[0], { session_id: "s", step: 7, context: "cdab", position: 6, n: 1, temperature: 0 });
  same(past.get(writer, trace, 6), place);
  same(past.get({ ...writer, step: 8 }, trace, 6), null);
  same(past.get({ ...writer, params: { temperature: 1 } }, trace, 6), null);
});

test("a place whose token has no bar is one question, that can be given up, of the weights of now", async () => {
  const { asked, generate } = served();
  const scored = [];
  let answer = null;
  const score = (body, { signal }) => new Promise((resolve, reject) => {
    scored.push(body);
    answer = () => (signal.aborted ? reject(new Error("aborted")) : resolve({ tokens: [] }));
  });
  const past = new PastSteps(generate, score, () => {});
  const trace = Trace.start("abcd");
  const missing = [1, 2, 3].find((position) => !weigh("abcd".slice(0, position), position).candidates.some(({ token }) => token === "abcd"[position]));
  const waiting = past.fetch({ ...writer, newest: true }, trace, missing, undefined);
  await wait(10);
  same([asked.length, scored.length, past.isPending, scored[0].step], [1, 1, true, null]);
  past.cancel();
  answer();
  same(await waiting, null);
});

test("what is kept of places is bounded", async () => {
  const { generate, score } = served();
  const past = new PastSteps(generate, score, () => {});
  const trace = Trace.start("ab".repeat(STEPS_MAX));
  for (let position = 1; position <= STEPS_MAX + 1; position += 1) await past.fetch(writer, trace, position, undefined);
  same(past.get(writer, trace, 1), null);
  same(past.get(writer, trace, 2) !== null, true);
});

test("going back shows what was weighed there, and the end what comes", async () => {
  const { player, asked } = await played();
  player.goTo(2);
  await settled(player);
  same([player.caret, player.next.text, player.next.position], [2, "c", 2]);
  const before = asked.length;
  player.goTo(1);
  await settled(player);
  player.goTo(2);
  same(player.isStale, false); // kept
  same(asked.length > before, true);
  player.goTo(0);
  same([player.next, player.isStale, player.canChoose], [null, false, false]);
  player.goTo(-5);
  same(player.caret, 0);
  player.goTo(99);
  same([player.caret, player.next.position], [null, 4]);
});

test("the first token has odds where a model has an empty context; another one is another prompt", async () => {
  const { player, asked } = await played();
  player.setSession({ ...session, start_token: "e" }, 7);
  await settled(player);
  player.goTo(0);
  same([player.isStale, player.hasDistribution], [true, true]);
  await settled(player);
  same(asked.at(-1), { session_id: "s", step: 7, text: "a" });
  same([player.caret, player.next.position, player.next.text, player.next.prob.toFixed(2), Trace.rows(player.next).length], [0, 0, "a", "0.05", 2]);
  player.choose("b");
  await settled(player);
  same([player.caret, shown(player), player.trace.text, player.trace.branches.list.length], [null, "b", "b", 1]);
  player.undo();
  same(shown(player), "abcd");
});

test("choosing what stands there goes on to the next place", async () => {
  const { player } = await played();
  player.goTo(2);
  await settled(player);
  player.choose();
  same([player.caret, shown(player)], [3, "abcd"]);
});

test("another candidate starts a branch, at typed and at written tokens, and undo brings the text back", async () => {
  const { player } = await played();
  player.write(afterTokens(3));
  await wait(500);
  const text = shown(player);
  same([player.playing, player.trace.steps.length], [false, 3]);
  for (const place of [5, 2]) {
    player.goTo(place);
    await settled(player);
    const other = player.past.known.picked.candidates.find((row) => row.text !== Trace.tokenAt(player.trace, place));
    const before = Trace.text(player.trace).slice(0, place).join("");
    player.choose(other.text);
    await settled(player);
    same([shown(player), player.caret], [before + other.text, null]);
    const { list } = player.trace.branches; // what was left is the first of them
    same(list[0].tokens.map((one) => one.text).join(""), text);
    player.undo();
    await settled(player);
    same(shown(player), text);
  }
});

test("playing, another text and a new start leave the place; other settings ask for it again", async () => {
  const { player, asked } = await played();
  player.goTo(2);
  await settled(player);
  player.setSampling({ pick: "sample", temperature: 2, seed: 3 });
  await settled(player);
  same([player.caret, asked.some((body) => body.seed === 3 && body.position === 2)], [2, true]);
  player.setPrompt("abc");
  same(player.caret, null);
  await settled(player);
  player.goTo(1);
  await settled(player);
  player.play();
  same(player.caret, null);
  player.pause();
});

test("after any sequence of branches, undo and redo return the same texts", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const below = numbers(seed);
    let trace = Trace.restore("abcd", Array.from("abcabc", (text) => ({ id: known.get(text), text })));
    let history = emptyHistory;
    const texts = [trace];
    for (let turn = 0; turn < 20; turn += 1) {
      const position = 1 + below(Trace.position(trace) - 1);
      const context = Trace.lastTokens(trace, 4, position).join("");
      const { token, ...rest } = weigh(context, position);
      const candidates = rest.candidates.map((one) => ({ id: known.get(one.token), text: one.token, prob: one.prob }));
      const branched = Trace.branch(trace, { ...rest, id: known.get(token), text: token, candidates }, candidates[below(3)].text);
      if (Trace.isSameText(branched, trace)) continue;
      history = record(history, trace, "branch");
      trace = branched;
      texts.push(trace);
    }
    const back = [trace];
    while (canUndo(history, trace)) back.push(({ history, trace } = undo(history, trace)).trace);
    same(back.map(encodeTrace), [...texts].reverse().map(encodeTrace));
    const forth = [trace];
    while (canRedo(history, trace)) forth.push(({ history, trace } = redo(history, trace)).trace);
    same(forth.map(encodeTrace), texts.map(encodeTrace));
  }
});

test("writing stops after so many tokens, a word or a line", () => {
  const steps = (text) => Array.from(text, (token) => ({ text: token }));
  const stop = (after, text, next) => after(steps(text), next === undefined ? null : { text: next });
  same([stop(afterTokens(2), "a"), stop(afterTokens(2), "ab")], [false, true]);
  same([stop(afterWord, " ", "a"), stop(afterWord, " ab", "c"), stop(afterWord, " ab", " "), stop(afterWord, "ab", ",")], [false, false, true, true]);
  same([stop(afterWord, "don", "'"), stop(afterWord, "ab"), stop(afterWord, "a".repeat(WORD_MAX), "a")], [false, false, true]);
  same(afterWord([{ text: " good" }], { text: " night" }), true);
  same([stop(afterLine, ""), stop(afterLine, "a"), stop(afterLine, "a\n")], [false, false, true]);
});

test("a place is told with its number, its character and its odds", () => {
  const trace = Trace.start("a K");
  same(announcePosition(2, 3, trace, { prob: 0.314 }), "character 3 of 3: capital K, 31 percent");
  same(announcePosition(1, 3, trace, { prob: 0.001 }), "character 2 of 3: space, less than 1 percent");
  same(announcePosition(0, 3, trace, null), "character 1 of 3: a, with nothing before it");
});

test("another text is gone on with: the present one is kept as a branch, and undo returns it", async () => {
  const { player } = await played();
  player.choose();
  await wait(60);
  const before = shown(player);
  player.continueWith({ ...Trace.cut(player.trace, 4), steps: [{ position: 4, id: 3, text: before[4] === "d" ? "c" : "d", prob: null, candidates: [], other: null }] });
  const after = shown(player);
  same([after.length, after === before], [5, false]);
  same(player.trace.branches.list.map(({ tokens }) => tokens.map(({ text }) => text).join("")), [before]);
  player.undo();
  same(shown(player), before);
  player.redo();
  same(shown(player), after);
});
