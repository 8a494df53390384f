// Checks of the request for the next steps; run by `npm test` and test_modules.py.

import { test } from "node:test";

import { same } from "./support.js";

import { decodeStep } from "../../playground/frontend/playback/decode.js";
import { chunkSize, firstChunk, randomReserve, stepBody } from "../../playground/frontend/playback/stepRequest.js";
import * as Trace from "../../playground/frontend/playback/trace.js";

const CHARACTERS = { session_id: "letters", tokenizer: "characters", block_size: 4, known: new Map([["a", 0], ["b", 1]]) };
const PIECES = { session_id: "pieces", tokenizer: "tokens", block_size: 4, known: new Map() };
const body = (session, trace, more = {}) => stepBody({ session, step: 7, newest: false, params: { temperature: 0 }, trace, n: 2, ...more });
const written = (id, text, sessionId = "pieces") => ({ id, text, position: 0, by: { session_id: sessionId } });

test("a chunk is four seconds of playback, two where a step may cost much, within bounds", () => {
  same([100, 250, 500, 2000].map((ms) => chunkSize(ms)), [40, 16, 8, 4]);
  same([100, 250, 500, 2000].map((ms) => chunkSize(ms, true)), [20, 8, 4, 4]);
});

test("where a step may cost much, few are asked for first; what is left when more are asked for is never the same", () => {
  same([40, 8, 4].map(firstChunk), [10, 4, 4]);
  const reserves = Array.from({ length: 1000 }, () => randomReserve(40));
  same([Math.min(...reserves) >= 20, Math.max(...reserves) <= 30], [true, true]);
  same(Math.max(...reserves) - Math.min(...reserves) > 5, true);
});

test("a model of characters is sent the end of the text that it reads", () => {
  const trace = { ...Trace.start("abcd"), steps: [written(1, "b", "letters")] };
  same(body(CHARACTERS, trace, { tokens: [{ id: 0, text: "a" }] }), {
    session_id: "letters", step: 7, context: "cdba", position: 6, n: 2, temperature: 0,
  });
});

test("what a model of pieces of words has written it is sent by ids", () => {
  const trace = { ...Trace.start("Once upon"), steps: [written(5, " a"), written(260, "⟨E2 80⟩")] };
  const { context, context_ids: ids, position } = body(PIECES, trace, { tokens: [{ id: 9, text: "x" }] });
  same([context, ids, position], ["Once upon", [5, 260, 9], 12]);
  const earlier = body(PIECES, trace, { end: 10 });
  same([earlier.context, earlier.context_ids, earlier.position], ["Once upon", [5], 10]);
  same(body(PIECES, trace, { end: 4 }).context, "Once");
});

test("what another model or nobody known has written it is sent as text", () => {
  const steps = [written(5, " a"), written(3, "b", "letters"), written(-1, "c"), written(6, " d")];
  const { context, context_ids: ids } = body(PIECES, { ...Trace.start("Once"), steps });
  same([context, ids], ["Once abc", [6]]);
});

test("a token has the id that the API tells, or that of the vocabulary", () => {
  const step = { position: 4, token: " a", token_id: 5, prob: 1, candidates: [{ token: " a", token_id: 5, prob: 1 }], other: null };
  const decoded = decodeStep(step, PIECES, undefined);
  same([decoded.id, decoded.text, decoded.candidates[0].id], [5, " a", 5]);
  same(decodeStep({ ...step, token: "b", token_id: undefined }, CHARACTERS, undefined).id, 1);
});
