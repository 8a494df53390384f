// Checks of tokens as text: places in a typed text, halves of characters; run by `npm test` and
// test_modules.py.

import assert from "node:assert/strict";
import { test } from "node:test";

import { same } from "./support.js";

import { announcePosition } from "../../playground/frontend/playback/announcements.js";
import * as Branches from "../../playground/frontend/playback/branches.js";
import { decodeTextState, decodeTrace, encodeTextState, encodeTrace } from "../../playground/frontend/playback/moments.js";
import { Player } from "../../playground/frontend/playback/player.js";
import { scoreBody, stepBody } from "../../playground/frontend/playback/stepRequest.js";
import { cellsOf, characterTokens, piecesOf, textOf, textOfBytes, tokensAfter, tokensAt, typedTokens, wholeLength } from "../../playground/frontend/playback/tokens.js";
import * as Trace from "../../playground/frontend/playback/trace.js";
import { nameTokens, translate } from "../../playground/frontend/shared/messages.js";
import * as Link from "../../playground/frontend/sharing/link.js";
import { tokenCounter, tokenLabel } from "../../playground/frontend/shared/text.js";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bytesOf = (text) => [...new TextEncoder().encode(text)];
const half = (id, ...bytes) => ({ id, text: textOfBytes(bytes), bytes });
const TEXTS = ["", "Hello wor", "👩‍👩‍👧🏽 🇩🇪", "हिन्दी ไทย العربية", "don’t\n\ttab", "e\u0301\ufeff\u202e\0", "⟨E2 80⟩ \ufffd"];

/** A tokenizer of bytes: as the API tells its tokens, all parts of a character at its place. */
const places = (text) => Array.from(text).flatMap((character, start) => {
  const bytes = bytesOf(character);
  return bytes.map((byte) => ({ id: byte, text: textOfBytes([byte]), ...(bytes.length > 1 && { bytes: [byte] }), start, end: start + 1 }));
});

test("bytes that are no whole character are shown as such, as lm/tokenizer.py does", () => {
  for (const [bytes, text] of [
    [[], ""], [bytesOf("’x"), "’x"], [[0xe2, 0x80], "⟨E2 80⟩"], [[0x99], "⟨99⟩"],
    [[97, 0xe2, 0x80, 98, 0xff, 0xfe, 99], "a⟨E2 80⟩b⟨FF FE⟩c"], [[0x80, 0x80, 0xf0, 0x9f], "⟨80 80 F0 9F⟩"],
    [[0xc0, 0x80], "⟨C0 80⟩"], [[0xed, 0xa0, 0x80], "⟨ED A0 80⟩"], [[0xf4, 0x90, 0x80, 0x80], "⟨F4 90 80 80⟩"], [[7], "\x07"],
  ]) same(textOfBytes(bytes), text);
  for (const text of TEXTS) same(textOfBytes(bytesOf(text)), text);
});

test("half a character is shown by its bytes until a token makes it whole, and then stands there", () => {
  const written = [{ id: 1, text: "don" }, half(2, 0xe2, 0x80), half(3, 0x99), { id: 4, text: "t" }];
  same(piecesOf(written.slice(0, 2)), ["don", "⟨E2 80⟩"]);
  same(piecesOf(written), ["don", "", "’", "t"]);
  same(textOf([half(5, 0x20, 0xe2, 0x80), half(6, 0x99, 0x73)]), " ’s");
  same(piecesOf([half(5, 0x20, 0xe2, 0x80), half(6, 0x99, 0x73)]), [" ", "’s"]);
  same(piecesOf([half(1, 0xe2), half(2, 0x80), { id: 3, text: "x" }]), ["", "⟨E2 80⟩", "x"]);
  same([0, 1, 2, 3, 4].map((count) => wholeLength(written.slice(0, count))), [0, 1, 1, 3, 4]);
  for (const text of TEXTS) {
    const tokens = bytesOf(text).map((byte) => (byte < 0x80 ? { id: byte, text: String.fromCharCode(byte) } : half(byte, byte)));
    same(textOf(tokens), text);
    for (let end = 0; end <= tokens.length; end += 1) {
      same(textOf(tokens.slice(0, end)), textOfBytes(bytesOf(text).slice(0, end)));
      assert.ok(text.startsWith(textOf(tokens.slice(0, wholeLength(tokens.slice(0, end))))));
    }
  }
});

test("the tokens of a typed text are that text, whatever the tokenizer leaves out or adds", () => {
  for (const text of TEXTS) {
    const tokens = typedTokens(text, places(text));
    same([textOf(tokens), tokens.length], [text, bytesOf(text).length]);
    same(textOf(characterTokens(text)), text);
  }
  const llama = [{ id: 1, text: "<s>", start: 0, end: 0 }, { id: 403, text: " Once", start: 0, end: 4 }, { id: 2, text: " É", start: 4, end: 6 }];
  same(piecesOf(typedTokens("Once É", llama)), ["", "Once", " É"]);
  same(typedTokens("Once É", llama)[2], { id: 2, text: " É" });
  const words = [{ id: 7, text: "once", start: 1, end: 5 }, { id: 8, text: " up", start: 6, end: 8 }];
  same(piecesOf(typedTokens(" once up ", words)), [" once", " up "]);
  same(typedTokens("x", []), []);
});

test("a line below a token tears nothing that is drawn as one", () => {
  same(cellsOf(typedTokens("a👩‍👧ü", places("a👩‍👧ü"))), ["a", "👩‍👧", "ü"]);
  same(cellsOf(typedTokens("e\u0301🇩🇪हि", places("e\u0301🇩🇪हि"))), ["e\u0301", "🇩🇪", "हि"]);
  same(cellsOf([{ id: 1, text: "the" }, { id: 2, text: " house" }]), ["the", " house"]);
});

test("messages name tokens where they are pieces of words, and characters else", () => {
  same([nameTokens(true), nameTokens(true)], [true, false]);
  same([translate("drawer.others", { count: 1 }), translate("status.paused")], ["other 1 token", "Press Play, or choose one of the tokens."]);
  same(translate("drawer.loading"), "Loading…");
  same([nameTokens(false), translate("drawer.others", { count: 2 })], [true, "other 2 characters"]);
});

test("the counter says characters and tokens", () => {
  same(tokenCounter(45, 12, 1024), "45 characters, 12 of 1,024 tokens");
  same(tokenCounter(1, 1, 12), "1 character, 1 of 12 tokens");
  same(tokenCounter(5000, 1500, 1024), "5,000 characters, 1,500 tokens (last 1,024 in context)");
  same(tokenCounter(45, null, 1024), "45 characters, tokens not counted");
  same([tokenLabel(" the"), tokenLabel(" "), tokenLabel("⟨E2 80⟩"), tokenLabel("\n\n")], ["␣the", "(space)", "⟨E2 80⟩", "\\n\\n"]);
});

test("characters of a link find their tokens again", () => {
  const tokens = typedTokens("aü日b", places("aü日b"));
  same([tokensAt(tokens, [0, 1, 2, 3]), tokensAt(tokens, [3, 9])], [[0, 2, 5, 6], [6]]);
  same([tokensAfter(tokens, 2)?.length, tokensAfter(tokens, 0)?.length], [4, 7]);
  same(tokensAfter([{ id: 1, text: "the" }], 2), null);
  const written = "x".repeat(800);
  same(Link.decode(`?prompt=a&length=800&chose=799.3&written=${written}&v=1`).snapshot, Link.decode(`?prompt=a&length=800&chose=799.3&written=${written}yy&v=1`).snapshot);
  const { snapshot, problems } = Link.decode(`?prompt=a&length=800&chose=799.3&written=${written}&v=1`);
  same([snapshot.written.length, snapshot.chosen, problems], [800, [799, 3], []]);
});

const SESSION = { session_id: "pieces", tokenizer: "tokens", block_size: 4, known: new Map(), vocabulary: [], params: 1, end_tokens: [] };
const cutTrace = (text, session = SESSION) => Trace.withPrompt(Trace.start(text), typedTokens(text, places(text)), session.session_id);
const body = (trace, more = {}) => stepBody({ session: SESSION, step: 7, newest: false, params: { temperature: 0 }, trace, n: 1, ...more });

test("a part of a prompt is asked about by the ids of its tokens", () => {
  const trace = cutTrace("aü日b");
  same(trace.prompt.length, 7);
  const asked = (end) => { const { context, context_ids: ids, position } = body(trace, { end }); return [context, ids, position]; };
  same(asked(7), ["aü日b", [], 7]);
  same(asked(1), ["a", [], 1]);
  same(asked(2), ["a", [0xc3], 2]);
  same(asked(5), ["a", [0xc3, 0xbc, 0xe6, 0x97], 5]);
  same(asked(6), ["ü", [0xe6, 0x97, 0xa5], 6]); // the model reads four
  same([Trace.firstPosition(trace), Trace.firstPosition(cutTrace("日b")), Trace.firstPosition(Trace.start("日b"))], [1, 3, 1]);
  same(scoreBody({ session: SESSION, step: 7 }, trace, 0, 4), { session_id: "pieces", step: 7, text: "a", text_ids: [0xc3, 0xbc, 0xe6] });
  same(scoreBody({ session: SESSION, step: 7 }, trace, 2, 6), { session_id: "pieces", step: 7, text: "ü", text_ids: [0xe6, 0x97, 0xa5] });
});

test("what another model wrote is cut into the model's own tokens, and stays that model's", () => {
  const letters = { session_id: "letters", name: "l", step: 1 };
  const own = { session_id: "pieces", name: "p", step: 7 };
  const written = [..."the cat"].map((text, index) => ({ id: index, text }));
  const before = Trace.restore("Once ", written, [4], written.map(() => letters));
  const trace = { ...before, steps: [...before.steps, { ...before.steps[0], id: 9, text: " sat", by: own, insteadOf: undefined }] };
  same(Trace.foreignLength(trace, "pieces"), 7);
  const tokens = ["Once", " ", "the", " cat"].map((text, id) => ({ id, text }));
  const cut = Trace.withTokens(trace, tokens, 7, "pieces");
  same([cut.text, cut.tokenizer, cut.prompt.map(({ text }) => text)], ["Once ", "pieces", ["Once", " "]]);
  same(cut.steps.map(({ position, id, text, by }) => [position, id, text, by.session_id]),
    [[2, 2, "the", "letters"], [3, 3, " cat", "letters"], [4, 9, " sat", "pieces"]]);
  same(cut.steps.map(Trace.wasChosen), [false, true, false]); // the c was
  same(body(cut).position, 5);
  same([body(cut).context, body(cut).context_ids], ["Once the cat", [9]]);
  // A token that lies across the end of the prompt is no prompt's.
  same(Trace.withTokens(trace, [{ id: 1, text: "Once the" }, { id: 2, text: " cat" }], 7, "pieces"), null);
  const prompt = Trace.withTokens(trace, [{ id: 0, text: "Once" }, { id: 1, text: " " }], 0, "pieces");
  same([prompt.prompt.length, prompt.steps.length, prompt.steps[0].position], [2, 8, 2]);
});

test("with a model of characters, pieces of words are characters again", () => {
  const by = { session_id: "pieces", name: "p", step: 7 };
  const written = [{ id: 3, text: " cat" }, { id: 0xc3, text: "⟨C3⟩", bytes: [0xc3] }, { id: 0xbc, text: "⟨BC⟩", bytes: [0xbc] }, { id: 9, text: "s" }];
  const trace = Trace.withPrompt(Trace.restore("The", written, [0], written.map(() => by)), [{ id: 1, text: "The" }], "pieces");
  const letters = { session_id: "letters", tokenizer: "characters", known: new Map([["c", 2], ["s", 5]]) };
  const found = Trace.inCharacters(trace, letters);
  same([found.tokenizer, Trace.text(found).join(""), Trace.position(found)], [null, "The catüs", 9]);
  same(found.steps.map(({ position, id, text }) => [position, id, text]),
    [[3, -1, " "], [4, -1, "c"], [5, -1, "a"], [6, -1, "t"], [7, -1, "ü"], [8, 9, "s"]]);
  same(Trace.foreignLength(found, "pieces"), 5); // what they were cut from is cut anew
  same(found.steps.map(Trace.wasChosen), [true, false, false, false, false, false]);
  same(Trace.inCharacters(found, letters), found);
});

test("a branch that begins within a character keeps its half", () => {
  const trace = cutTrace("a日b");
  const picked = { position: 2, id: 0x97, text: "⟨97⟩", bytes: [0x97], prob: 0.5, candidates: [{ ...half(0x98, 0x98), prob: 0.3 }], other: null, by: { session_id: "pieces", name: "p", step: 7 } };
  const branched = Trace.branch(trace, picked, "⟨98⟩");
  same([branched.text, branched.prompt.length, Trace.text(branched)], ["a", 1, ["a", "", "⟨E6 98⟩"]]);
  same(branched.steps.map(({ id, position }) => [id, position]), [[0xe6, 1], [0x98, 2]]);
  same(body(branched).context_ids, [0xe6, 0x98]);
  same(Trace.branch(trace, picked, "⟨97⟩").steps[1].insteadOf, undefined);
  const chosen = Trace.choose({ ...branched, ahead: [{ ...picked, position: 3, candidates: [{ id: 65, text: "A", prob: 0.1 }] }] }, "A");
  same(Trace.text(chosen), ["a", "", "⟨E6 98⟩", "A"]);
});

test("a reload keeps halves and the tokens of branches", () => {
  const trace = { ...cutTrace("aü"), steps: Trace.restore("aü", [half(0xe6, 0xe6), { id: 66, text: "B" }]).steps };
  same(Trace.text(decodeTrace(JSON.parse(JSON.stringify(encodeTrace(trace))))), ["a", "ü", "⟨E6⟩", "B"]);
  const { branches } = Branches.keep(trace.branches, Branches.pathOf(trace));
  const stored = encodeTextState({ trace: { ...trace, branches }, history: { past: [], future: [], kind: "" } });
  const decoded = decodeTextState(JSON.parse(JSON.stringify(stored))).trace.branches;
  same([decoded.list.length, decoded.list[0].typed, decoded.list[0].tokens], [1, 3, branches.list[0].tokens]);
  same(Branches.traceOf(Branches.path(branches, 1), branches).text, "aü");
  const plain = Branches.keep({ list: [], nextId: 1 }, Branches.pathOf(Trace.start("ab"))).branches;
  same(Object.keys(encodeTextState({ trace: { ...Trace.start("ab"), branches: plain }, history: { past: [], future: [], kind: "" } }).branches.list[0]), ["head", "prompt", "tokens", "odds", "chosen"]);
});

/** A player of a model of bytes, whose server fails as `state.failure` says. */
function played(session = SESSION) {
  const state = { failure: null, cut: [], asked: [] };
  const tokenize = async ({ text }) => {
    state.cut.push(text);
    if (state.failure) throw state.failure;
    return { tokens: places(text) };
  };
  const generate = async (request) => {
    state.asked.push(request);
    return { step: 7, steps: [{ position: request.position, token: "A", token_id: 65, prob: 0.6, candidates: [{ token: "A", token_id: 65, prob: 0.6 }], other: { count: 1, prob: 0.4 }, kept: 2, kept_prob: 1 }] };
  };
  const player = new Player({ generate, tokenize, score: async () => ({ tokens: [] }), onChange: () => {}, onError: () => {} });
  player.setSession(session, 7);
  return { player, state };
}

test("what is typed is cut into tokens once, and walked, undone and counted by them", async () => {
  const { player, state } = played();
  player.setPrompt("a");
  player.setPrompt("aü");
  same([player.isUntokenized, player.length], [true, 2]);
  await wait(60);
  same([state.cut, player.isUntokenized, player.length, player.trace.text], [["aü"], false, 3, "aü"]);
  same(state.asked.map(({ context, position }) => [context, position]), [["aü", 3]]);
  player.choose();
  await wait(10);
  same([player.length, Trace.text(player.trace).join("")], [4, "aüA"]);
  player.goTo(2);
  await wait(10);
  same([player.caret, Trace.tokenAt(player.trace, 2), player.past.known !== null], [2, "⟨BC⟩", true]);
  same(announcePosition(2, 4, player.trace, null), "token 3 of 4: bytes BC, with nothing before it");
  player.setPrompt("a日");
  await wait(60);
  same([player.length, state.cut.length], [4, 2]);
  player.undo();
  await wait(60);
  same([player.length, Trace.text(player.trace).join(""), state.cut.length], [4, "aüA", 2]); // nothing is asked again
  player.setSession({ ...SESSION, session_id: "letters", tokenizer: "characters", vocabulary: ["a", "ü", "A"], known: new Map([["a", 0], ["ü", 1], ["A", 65]]) }, 7);
  same([player.isUntokenized, player.length, player.trace.prompt.map(({ text }) => text), player.trace.steps[0].position], [false, 3, ["a", "ü"], 2]);
  await wait(60);
  same(state.cut.length, 2);
});

test("tokens that can't be had lose nothing, and are asked for again", async () => {
  const { player, state } = played();
  state.failure = { kind: "http", status: 400, message: "The tokenizer takes too long" };
  player.setPrompt("aü");
  player.goTo(1);
  await wait(60);
  same([player.trace.text, player.isUntokenized, player.notice.text, player.notice.retry, state.asked.length], ["aü", true, "The tokenizer takes too long", true, 0]);
  same([player.canLookBack, player.caret], [false, null]);
  state.failure = null;
  player.goTo(1);
  player.retry();
  await wait(10);
  same([player.isUntokenized, player.notice, player.caret], [false, null, 1]);
  state.failure = { kind: "network", message: "away" };
  player.setPrompt("b");
  await wait(60);
  same([player.trace.text, player.notice.isLost], ["b", true]);
  state.failure = null;
  player.reconnect();
  await wait(10);
  same([player.notice, player.isUntokenized], [null, false]);
});

test("a model of characters never asks for tokens", async () => {
  const { player, state } = played({ ...SESSION, tokenizer: "characters", vocabulary: ["a"], known: new Map([["a", 0]]) });
  player.setPrompt("aa");
  await wait(60);
  same([state.cut, state.asked.map(({ context }) => context), player.trace.tokenizer], [[], ["aa"], null]);
});
