// Checks of the trace, of texts, and of the player; run by `npm test` and test_modules.py.

import { test } from "node:test";

import { same, throwsRangeError } from "./support.js";

import * as Trace from "../../playground/frontend/playback/trace.js";
import { formatNumber } from "../../playground/frontend/shared/messages.js";
import * as Text from "../../playground/frontend/shared/text.js";
import { Player } from "../../playground/frontend/playback/player.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const step = (position, text = "a", other = "b") => ({
  position, id: 1, text, prob: 0.6, candidates: [{ id: 1, text, prob: 0.6 }, { id: 2, text: other, prob: 0.3 }], other: { count: 3, prob: 0.1 },
});
const answered = (position, token = "a", other = "b") => ({
  position, token, prob: 0.6, candidates: [{ token, prob: 0.6 }, { token: other, prob: 0.3 }], other: { count: 3, prob: 0.1 },
});
const frozen = (value) => {
  if (value && typeof value === "object") Object.values(value).forEach(frozen);
  return Object.freeze(value);
};
const begun = () => frozen(Trace.extend(Trace.start("x😀"), [step(2), step(3, "c", "d"), step(4, "e", "f")]));
const shown = (trace) => Trace.text(trace).join("");

const session = { session_id: "s", block_size: 4, vocabulary: ["x", "a", "b"], known: new Map([["x", 0], ["a", 1], ["b", 2]]), end_tokens: [], source: "bundled" };

/** A player whose answers are given by hand: `asked` holds {body, signal, answer, reject}. */
function played() {
  const asked = [];
  const errors = [];
  const generate = (body, signal) => new Promise((resolve, reject) => {
    const answer = () => resolve({ steps: Array.from({ length: body.n }, (_, i) => answered(body.position + i)) });
    asked.push({ body, signal, answer, reject });
  });
  const player = new Player({ generate, onChange: () => {}, onError: (text) => errors.push(text) });
  player.setSession(session, 7);
  player.setPrompt("x");
  return { player, asked, errors };
}

test("characters are code points", () => {
  same(Trace.start("a😀é").prompt.map(({ text }) => text), ["a", "😀", "é"]);
  same(Trace.position(Trace.start("😀😀")), 2);
});

test("what comes is not yet on screen", () => {
  same(shown(begun()), "x😀");
  same(Trace.next(begun()).text, "a");
  same(Trace.next(Trace.start("x")), null);
});

test("foreseen steps must follow on", () => {
  throwsRangeError(() => Trace.extend(Trace.start("x"), [step(2)]));
  throwsRangeError(() => Trace.extend(begun(), [step(4)]));
  same(Trace.extend(begun(), [step(5)]).ahead.length, 4);
});

test("advance appends the pick and changes nothing else", () => {
  const before = begun();
  const after = Trace.advance(before);
  same(shown(after), "x😀a");
  same(Trace.next(after).text, "c");
  same(shown(before), "x😀");
  throwsRangeError(() => Trace.advance(Trace.start("x")));
});

test("rewind undoes advance", () => same(Trace.rewind(Trace.advance(begun()), 0), begun()));

test("rewind keeps the first steps", () => {
  const trace = Trace.advance(Trace.advance(begun()));
  same(shown(Trace.rewind(trace, 1)), "x😀a");
  same(Trace.advance(Trace.rewind(trace, 1)), trace);
});

test("choosing the pick is to advance", () => same(Trace.choose(begun(), "a"), Trace.advance(begun())));

test("choosing another leaves the path", () => {
  const trace = Trace.choose(begun(), "b");
  same(shown(trace), "x😀b");
  same(trace.ahead, []);
  same(trace.steps[0].prob, 0.3);
  throwsRangeError(() => Trace.choose(begun(), "z"));
});

test("a fork has the same text and an open future", () => {
  const trace = Trace.fork(Trace.advance(begun()));
  same(shown(trace), "x😀a");
  same(Trace.next(trace), null);
});

test("a pick outside the candidates has a row and is not counted twice", () => {
  const rare = { ...step(0), text: "z", prob: 0.04 };
  same(Trace.rows(rare).map(({ text }) => text), ["a", "b", "z"]);
  same(Trace.rest(rare).count, 2);
  same(Trace.rest(rare).prob.toFixed(2), "0.06");
  same(Trace.rest(step(0)), { count: 3, prob: 0.1 });
});

test("500 steps or any of the end tokens complete a text", () => {
  same(Trace.completion(begun(), ["a"]), null);
  same(Trace.completion(Trace.advance(begun()), []), null);
  same(Trace.completion(Trace.advance(begun()), ["b"]), null);
  same(Trace.completion(Trace.advance(begun()), ["b", "a"]), "end");
  const long = { ...begun(), steps: Array.from({ length: 500 }, (_, i) => step(2 + i)) };
  same(Trace.completion(long, []), "max");
});

test("what cannot be seen has a name", () => {
  const names = { "\n": "\\n", " ": "(space)", "\t": "\\t", "\u202e": "U+202E", "\0": "U+0000", "\u0301": "◌\u0301", "<": "<", "\\": "\\" };
  for (const [character, name] of Object.entries(names)) same(Text.characterLabel(character), name);
});

test("small is not nothing and nearly all is not all", () => {
  same([0, 1e-6, 0.00049, 0.0005, 0.421, 0.9994, 0.9996, 1].map(Text.formatPercent),
    ["0.0 %", "<0.1 %", "<0.1 %", "0.1 %", "42.1 %", "99.9 %", ">99.9 %", "100.0 %"]);
});

test("counts are short", () => {
  same([970, 15230, 998000, 999999, 1250000].map(Text.formatCompact), ["970", "15K", "998K", "1M", "1.3M"]);
  same(formatNumber(1228800), "1,228,800");
  same([Text.formatBytes(380_000, 3_839_272), Text.formatBytes(11_700, 64_136)], ["0.4 of 3.8 MB", "12 of 64 kB"]);
});

test("the counter counts characters", () => {
  same(Text.contextCounter(45, 64), "45 / 64 in context");
  same(Text.contextCounter(64, 64), "64 / 64 in context");
  same(Text.contextCounter(150, 64), "150 chars (last 64 in context)");
});

test("unknown characters are cut out where they stand", () => {
  same(Text.splitByVocabulary("ab😀éa", new Set("ab")),
    [{ text: "ab", unknown: false }, { text: "😀é", unknown: true }, { text: "a", unknown: false }]);
  same(Text.unknownCharacters("é😀é", new Set("a")), ["é", "😀"]);
});

test("the player asks for the bars with the end of the text and its position", async () => {
  const { player, asked } = played();
  player.setPrompt("xxxaab");
  await wait(50);
  same(asked.length, 1);
  same(asked[0].body, { session_id: "s", step: 7, context: "xaab", position: 6, n: 1, temperature: 0 });
});

test("pause drops the answer under way", async () => {
  const { player, asked } = played();
  await wait(50);
  asked[0].answer();
  await wait(0);
  player.setInterval(100);
  player.play();
  same(asked[1].body.n, 40);
  player.pause();
  same(asked[1].signal.aborted, true);
  asked[1].answer();
  await wait(150);
  same(shown(player.trace), "x");
  same(player.next.text, "a");
});

test("it plays on while more is asked for, and never runs dry", async () => {
  const { player, asked } = played();
  await wait(50);
  asked[0].answer();
  await wait(0);
  player.play();
  same(asked[1].body.n, 8);
  asked[1].answer();
  await wait(0);
  player.setInterval(100);
  while (!asked[2]) await wait(10);
  const before = player.trace.steps.length;
  same(before >= 3 && before <= 5, true); // a half to three quarters of a chunk are left
  asked[2].answer();
  await wait(350);
  player.pause();
  const written = player.trace.steps.length - before;
  if (written < 2 || written > 5) throw new Error(`${written} steps in 350 ms`);
  same(player.next !== null, true);
});

test("a long wait for what is to be shown is said", async () => {
  const { player, asked } = played();
  await wait(60);
  same(player.isWaiting, false);
  await wait(320);
  same(player.isWaiting, true);
  asked.at(-1).answer();
  await wait(20);
  same(player.isWaiting, false);
});

test("a late answer changes nothing after the text has changed", async () => {
  const { player, asked } = played();
  await wait(50);
  player.setPrompt("ab");
  await wait(50);
  asked[0].answer();
  await wait(0);
  same(player.next, null);
  asked[1].answer();
  await wait(0);
  same(player.next.position, 2);
});

test("a choice appears together with what follows from it", async () => {
  const { player, asked } = played();
  await wait(50);
  asked[0].answer();
  await wait(0);
  player.choose("b");
  same(shown(player.trace), "x");
  player.choose("a");
  same(asked.length, 2);
  same(asked[1].body.context, "xb");
  asked[1].answer();
  await wait(0);
  same(shown(player.trace), "xb");
  same(player.next.position, 2);
});

test("trouble pauses and keeps the text", async () => {
  const { player, asked, errors } = played();
  await wait(50);
  asked[0].answer();
  await wait(0);
  player.play();
  asked[1].reject({ kind: "http", status: 500, message: "Generation failed: no" });
  await wait(0);
  same(player.status, "paused");
  same(errors.length, 1);
  same(shown(player.trace), "x");
});

test("without a seed of the visitor every new start has a new one", async () => {
  const { player, asked } = played();
  player.setSampling({ pick: "sample" });
  await wait(50);
  asked.at(-1).answer();
  await wait(0);
  player.choose();
  asked.at(-1).answer();
  await wait(0);
  const { seed } = asked.at(-1).body;
  player.regenerate();
  await wait(50);
  same(asked.at(-1).body.seed === seed, false);
  player.setSampling({ seed: 5 });
  await wait(50);
  same(asked.at(-1).body.seed, 5);
});
