// Checks of what a failure does to playback, of undo, of settings, and of the connection.

import { test } from "node:test";

import { same } from "./support.js";

import { Player } from "../../playground/frontend/playback/player.js";
import { clampSeed, clampToRange } from "../../playground/frontend/playback/sampling.js";
import { restore, text, wasChosen } from "../../playground/frontend/playback/trace.js";
import { adaptTrace } from "../../playground/frontend/playback/unknown.js";
import { config } from "../../playground/frontend/shared/config.js";
import { Connection } from "../../playground/frontend/shared/connection.js";
import { MomentStorage } from "../../playground/frontend/shared/momentStorage.js";
import { Restoration } from "../../playground/frontend/sharing/restoration.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const known = new Map(Array.from("xab", (character, id) => [character, id]));
const session = { session_id: "s", name: "small", block_size: 4, vocabulary: [...known.keys()], known, end_tokens: [], source: "bundled" };
const steps = ({ position, n }) => Array.from({ length: n }, (_, i) => ({
  position: position + i, token: "a", prob: 0.6, candidates: [{ token: "a", prob: 0.6 }, { token: "b", prob: 0.4 }], other: { count: 1, prob: 0 }, kept: 3, kept_prob: 1,
}));
const shown = (player) => text(player.trace).join("");

/** A player whose server fails as `state.failure` says, else answers at once. */
async function played() {
  const state = { failure: null, asked: 0, toasts: [], lost: 0 };
  const generate = async (body) => {
    state.asked += 1;
    if (state.failure) throw state.failure;
    return { step: 7, steps: steps(body) };
  };
  const player = new Player({ generate, onChange: () => {}, onError: (message) => state.toasts.push(message), onLost: () => (state.lost += 1) });
  player.setSession(session, 7);
  player.setPrompt("x");
  await wait(50);
  player.setInterval(100);
  return { player, state };
}

test("without an answer it says so, waits, and plays on by itself", async () => {
  for (const kind of ["network", "timeout"]) {
    const { player, state } = await played();
    state.failure = { kind, message: "no" };
    player.play();
    await wait(150);
    same([player.playing, player.notice.waits, state.lost, state.toasts.length], [true, true, 1, 1]);
    const { asked } = state;
    await wait(300);
    same(state.asked, asked);
    state.failure = null;
    player.reconnect();
    await wait(150);
    same([player.playing, player.notice], [true, null]);
    same(player.trace.steps.length > 0, true);
    player.pause();
  }
});

test("who pauses while the server is away stays paused, and is still told", async () => {
  const { player, state } = await played();
  state.failure = { kind: "network", message: "no" };
  player.play();
  await wait(20);
  player.pause();
  same([player.playing, player.notice.waits, player.canPlay], [false, true, false]);
  state.failure = null;
  player.reconnect();
  await wait(200);
  same([player.playing, player.canPlay, shown(player)], [false, true, "x"]);
});

test("an overloaded server slows the player down and does not stop it", async () => {
  const { player, state } = await played();
  state.failure = { kind: "http", status: 503, error: null, retryAfter: 0.1, message: "busy" };
  player.play();
  await wait(50);
  same([player.playing, player.notice.isLost, state.lost, state.toasts.length], [true, true, 0, 0]);
  same(player.pace > 1, true);
  state.failure = null;
  await wait(300);
  same([player.playing, player.notice], [true, null]);
  same(player.trace.steps.length > 0, true);
  await wait(800);
  same(player.pace, 1);
  player.pause();
});

test("a model that is being loaded is waited for, at the same pace", async () => {
  const { player, state } = await played();
  state.failure = { kind: "http", status: 503, error: "ModelLoading", retryAfter: 0.1, message: "loading" };
  player.play();
  await wait(50);
  same([player.playing, player.notice.text, player.pace, state.toasts.length],
    [true, "The model is being loaded. This goes on by itself.", 1, 0]);
  state.failure = null;
  await wait(300);
  same([player.playing, player.notice], [true, null]);
  player.pause();
});

test("an engine that is away is said in its own words, and waited for", async () => {
  const { player, state } = await played();
  const message = "The engine is away";
  state.failure = { kind: "http", status: 503, error: "EngineUnavailable", retryAfter: 0.1, message };
  player.play();
  await wait(50);
  same([player.playing, player.notice.text, player.notice.waits], [true, message, true]);
  state.failure = null;
  await wait(300);
  same([player.playing, player.notice], [true, null]);
  player.pause();
});

test("any other failure pauses with its sentence and a way to try again", async () => {
  const { player, state } = await played();
  state.failure = { kind: "http", status: 500, error: null, message: "Generation failed" };
  player.play();
  await wait(50);
  same([player.playing, player.notice.retry, state.toasts.length], [false, true, 1]);
  state.failure = null;
  player.retry();
  await wait(50);
  same([player.notice, player.canPlay], [null, true]);
});

test("undo takes back a choice, a run, a new start and an edit, in turn", async () => {
  const { player } = await played();
  const texts = [shown(player)];
  const then = async (change) => {
    change();
    await wait(60);
    texts.push(shown(player));
  };
  await then(() => player.choose("b"));
  await then(() => player.choose());
  await then(() => player.regenerate());
  await then(() => player.setPrompt("xb", "paste"));
  await then(() => player.setPrompt("", "clear"));
  same(texts, ["x", "xb", "xba", "x", "xb", ""]);
  for (const expected of texts.slice(0, -1).reverse()) {
    player.undo();
    same(shown(player), expected);
  }
  for (const expected of texts.slice(1)) {
    player.redo();
    same(shown(player), expected);
  }
});

test("another model keeps the text, and each token knows who wrote it", async () => {
  const { player } = await played();
  player.choose();
  await wait(50);
  player.setSession({ ...session, session_id: "t", name: "other" }, 9);
  await wait(50);
  player.choose();
  await wait(50);
  same(player.trace.steps.map(({ by }) => [by.name, by.step]), [["small", 7], ["other", 9]]);
});

test("the odds stay until the new ones are there, and the new pick is what Step appends", async () => {
  const { player } = await played();
  const before = player.next;
  player.setSession(session, 8);
  same([player.next === before, player.isStale, player.canChoose], [true, true, true]);
  player.choose();
  same(shown(player), "x");
  await wait(80);
  same(shown(player), "xa");
});

test("a written text that a model can't read is unknown to it", async () => {
  const { player } = await played();
  player.choose("b");
  await wait(50);
  player.setSession({ ...session, session_id: "t", vocabulary: ["x", "a"], known: new Map([["x", 0], ["a", 1]]) }, 1);
  same([player.status, player.unknown], ["unknown", ["b"]]);
});

test("a number is within its range whatever is typed", () => {
  const { temperature, top_k: topK, top_p: topP, speed } = config.controls;
  const typed = [null, undefined, NaN, -1, 0, 1e20, 0.9, 0.004];
  same(typed.map((value) => clampToRange(temperature, value, 0.7)), [0.7, 0.7, 0.7, 0.1, 0.1, 2, 0.9, 0.1]);
  same([-1, 1.6, 1e20].map((value) => clampToRange(topK, value, 5)), [0, 2, topK.high]);
  same([0, 0.9, 7].map((value) => clampToRange(topP, value, 1)), [topP.low, 0.9, 1]);
  same([0, 5000].map((value) => clampToRange(speed, value, 500)), [speed.low, speed.high]);
  same([null, NaN, -5, 1.5, 99999999999999].map(clampSeed), [null, null, 0, 1, config.link.seed_max]);
});

test("a lost connection asks until there is an answer, and then says so once", async () => {
  let isUp = false, asked = 0;
  const connection = new Connection({ retryMs: 20, probe: async () => {
    asked += 1;
    if (!isUp) throw new Error("no");
  } });
  const news = [];
  connection.listen((isLost) => news.push(isLost));
  connection.lose();
  connection.lose();
  await wait(100);
  same([news, asked >= 2], [[true], true]);
  isUp = true;
  await wait(80);
  same(news, [true, false]);
  const after = asked;
  await wait(60);
  same(asked, after);
});

test("what locks stays until another session or text takes over, whatever is set meanwhile", async () => {
  const { player } = await played();
  const lock = { text: "Switch back", locks: true };
  player.play();
  await wait(150);
  player.pause(lock);
  for (const act of [() => player.setSampling({ temperature: 0.5, pick: "sample" }), () => player.undo(), () => player.redo(), () => player.pause()]) {
    act();
    same([player.notice, player.canPlay], [lock, false]);
  }
  player.setSession({ ...session, session_id: "t" }, 7);
  same(player.notice, null);
  player.pause(lock);
  player.exchangeText({ trace: restore("b", []), history: player.history });
  same(player.notice, null);
});

test("a choice is not lost where a model has learned on meanwhile, nor left by an arrow key", async () => {
  const { player } = await played();
  player.setSession(session, 8, true);
  await wait(50);
  player.choose("b");
  player.setSession(session, 9, true);
  player.goTo(0);
  await wait(50);
  same([shown(player), player.caret], ["xb", null]);
});

test("what was marked is marked in its own text alone", async () => {
  for (const leave of [(player) => player.exchangeText({ trace: restore("xa", []), history: player.history }), (player) => player.setPrompt("xa"), (player) => player.undo()]) {
    const { player } = await played();
    player.choose("a");
    await wait(50);
    player.moveHighlight(1);
    same(player.highlight, "b");
    leave(player);
    same(player.highlight, null);
  }
});

test("characters in another form keep who wrote them, and pieces of words become characters", () => {
  const by = { session_id: "pieces", name: "p", step: 7 };
  const letters = [..."xäthe "];
  const target = { session_id: "letters", tokenizer: "characters", vocabulary: letters, known: new Map(letters.map((one, id) => [one, id])) };
  const cut = { ...restore("a\u0308", [{ id: 5, text: " the" }], [0], [by], [0.5]), tokenizer: "pieces" };
  const adapted = adaptTrace(cut, target);
  same([adapted.text, adapted.tokenizer, adapted.steps.map((step) => [step.position, step.text])], ["ä", null, [[1, " "], [2, "t"], [3, "h"], [4, "e"]]]);
  same(adapted.steps.map(wasChosen), [true, false, false, false]);
});

test("a page that has no room left keeps its own moment and drops older ones", () => {
  const items = new Map(), room = 100;
  globalThis.history = { state: null, replaceState: (state) => (globalThis.history.state = state) };
  globalThis.sessionStorage = new Proxy({
    getItem: (key) => items.get(key) ?? null,
    removeItem: (key) => items.delete(key),
    setItem: (key, value) => {
      const others = [...items].filter(([other]) => other !== key).reduce((sum, [, one]) => sum + one.length, 0);
      if (others + value.length > room) throw new Error("QuotaExceededError");
      items.set(key, value);
    },
  }, { ownKeys: () => [...items.keys()], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) });
  const json = (size) => JSON.stringify("m".repeat(size));
  const older = new MomentStorage();
  older.write(json(70), () => json(1));
  globalThis.history.state = null;
  const now = new MomentStorage();
  now.write(json(60), () => json(1));
  same([now.read().length, older.read()], [60, null]);
  now.write(json(200), () => json(20));
  same(now.read().length, 20);
  now.write(json(200), () => json(150));
  same([items.size, now.read().length], [0, 200]); // in the entry of the history
});

test("of two states that are to be restored, the later one is", async () => {
  const done = [], waiting = [];
  const library = { session: null, has: () => true, choose: () => {} };
  const parts = { drawer: { setOpen() {} }, library, hubLoader: {}, settings: { adopt() {} }, explore: { open: (name) => done.push(name) } };
  const restoration = new Restoration(parts);
  const first = restoration.restore({ sampling: {}, checkpoint: {}, explore: "branches" }, async (isCurrent) => {
    await new Promise((resolve) => waiting.push(resolve));
    if (isCurrent()) done.push("first");
  });
  await wait(0);
  const second = restoration.restore({ sampling: {}, checkpoint: {} }, async () => done.push("second"));
  await second;
  waiting[0]();
  await first;
  same(done, ["second"]);
});
