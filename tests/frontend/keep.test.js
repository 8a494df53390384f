// Checks of texts that are kept, saved and opened: pure modules, and asking the API again.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { same } from "./support.js";

import { barsSvg } from "../../playground/frontend/explore/keep/barsSvg.js";
import { curlCommand, partsOf, pythonNext } from "../../playground/frontend/explore/keep/codeSamples.js";
import { distributions, fileName, textFile } from "../../playground/frontend/explore/keep/exports.js";
import { readTextFile } from "../../playground/frontend/explore/keep/importText.js";
import * as kept from "../../playground/frontend/explore/keep/keptTexts.js";
import { reproduce } from "../../playground/frontend/explore/keep/reproduce.js";
import { decodeTrace, encodeTrace } from "../../playground/frontend/playback/moments.js";
import { restore } from "../../playground/frontend/playback/trace.js";
import { config } from "../../playground/frontend/shared/config.js";
import { RequestError } from "../../playground/frontend/shared/requestError.js";

const HOSTILE = "It's \"<b>\" $HOME `id` $(id) ${x} \\ \\n !x %s {0}\n\t\r\u0000\u007f\u202e\u2028é😀'''";
const letters = [..."abcdefgh"];
const session = { session_id: "s", name: "s", repo_id: null, revision: "r", block_size: 8, vocabulary: letters, known: new Map(letters.map((text, id) => [text, id])) };
const author = (more = {}) => ({ session_id: "s", name: "s", step: 7, params: { temperature: 0.5, top_k: 0, top_p: 1, seed: 1 }, ...more });
const now = (more = {}) => ({ session, author: author(more) });
const signal = new AbortController().signal;

/** An API whose pick is the letter at the position, moved on by the seed. */
function answering(asked = []) {
  const pickOf = (position, seed) => letters[(position + seed) % letters.length];
  return {
    pickOf,
    getSession: async (id) => {
      if (id === "gone") throw new RequestError("http", "gone", { status: 404 });
      return { ...session, session_id: id };
    },
    generate: async (body) => {
      asked.push(body);
      return { steps: Array.from({ length: body.n }, (_, index) => {
        const token = pickOf(body.position + index, body.seed);
        return { position: body.position + index, token, prob: 0.5, candidates: [{ token, prob: 0.5 }, { token: "?", prob: 0.25 }], other: { count: 6, prob: 0.25 }, kept: 8, kept_prob: 1 };
      }) };
    },
  };
}

const textOf = (api, prompt, seeds) => seeds.map((seed, index) => ({ id: 0, text: api.pickOf(prompt.length + index, seed) }));

test("a run of tokens is asked for at once, up to one that was chosen", async () => {
  const asked = [], api = answering(asked);
  const trace = restore("ab", textOf(api, "ab", [1, 1, 4, 1, 1, 1]), [2], Array(6).fill(author()));
  const tokens = await reproduce(api, trace, now(), signal);
  same(tokens.map(({ isPicked }) => isPicked), [true, true, false, true, true, true]);
  same(asked.map(({ position, n }) => [position, n]), [[2, 3], [5, 3]]);
  assert.ok(tokens.every(({ step }) => step.candidates.length === 2));
  same(asked[1].context, "ab" + tokens.slice(0, 3).map(({ step }) => step.text).join(""));
});

test("tokens are asked for with the settings and the model that wrote them", async () => {
  const asked = [], api = answering(asked);
  const authors = [author(), author(), author({ params: { temperature: 1, seed: 2 } }), author({ session_id: "other", step: 3 }), author({ session_id: "gone" })];
  const trace = restore("ab", textOf(api, "ab", [1, 1, 2, 1, 1]), [], authors);
  const tokens = await reproduce(api, trace, now({ step: 9 }), signal);
  same(tokens.map(({ isPicked }) => isPicked), [true, true, true, true, false]);
  same(asked.map(({ session_id: id, step, seed, n }) => [id, step, seed, n]), [["s", 7, 1, 2], ["s", 7, 2, 1], ["other", 3, 1, 1]]);
});

test("what isn't known to have been chosen is found out, in a bounded number of requests", async () => {
  const asked = [], api = answering(asked);
  const trace = restore("ab", textOf(api, "ab", [1, 3, 1, 1]));
  same((await reproduce(api, trace, now(), signal)).map(({ isPicked }) => isPicked), [true, false, true, true]);
  asked.length = 0;
  await reproduce(api, restore("a", Array(400).fill({ id: 0, text: "?" })), now(), signal);
  same(asked.length, 100);
});

test("a server that is away is an error, not a text of chosen tokens", async () => {
  const api = { ...answering(), generate: async () => { throw new RequestError("network", "away"); } };
  await assert.rejects(reproduce(api, restore("a", [{ id: 0, text: "b" }]), now(), signal), /away/);
});

test("a saved text is opened as it was", async () => {
  const api = answering();
  const trace = restore("ab", textOf(api, "ab", [1, 5, 1]), [1], Array(3).fill(author()), [0.5, 0.25, 0.5]);
  const here = now();
  const tokens = await reproduce(api, trace, here, signal);
  const file = textFile({ prompt: trace.prompt, tokens, now: here }, "https://x/schema");
  const opened = readTextFile("\ufeff" + JSON.stringify(file));
  same(opened.place, { session_id: "s", name: "s", model: "s", revision: "r", step: 7 });
  same(opened.sampling, { pick: "sample", temperature: 0.5, top_k: 0, top_p: 1, seed: 1 });
  same(encodeTrace(decodeTrace(opened.trace)), opened.trace);
  same(opened.trace.chosen, [1]);
  same(decodeTrace(opened.trace).steps.map(({ text }) => text), trace.steps.map(({ text }) => text));
});

test("whatever else is refused, with a reason", () => {
  const reasons = (text) => { try { readTextFile(text); return null; } catch (error) { return error.reason; } };
  const good = { ...config.text_file.format, prompt: "a", tokens: [], writers: [{ session_id: "s", model: "s", name: "s", revision: null, step: 1, sampling: { temperature: 0 } }] };
  same(reasons(JSON.stringify(good)), null);
  const deep = "[".repeat(100_000);
  for (const [text, reason] of [
    ["", "empty"], [" \n", "empty"], ["{", "no_json"], [deep, "no_json"], ["null", "foreign"], ["5", "foreign"], ["{}", "foreign"],
    [JSON.stringify({ ...good, version: 9 }), "newer"], ["x".repeat(config.text_file.bytes_max + 1), "too_large"],
    ...Object.keys(good).slice(2).map((name) => [JSON.stringify({ ...good, [name]: undefined }), "broken"]),
    [JSON.stringify({ ...good, writers: [{ ...good.writers[0], name: "x".repeat(1000) }] }), "broken"],
    [JSON.stringify({ ...good, writers: [{ ...good.writers[0], step: -1 }] }), "broken"],
    [JSON.stringify({ ...good, tokens: [{ id: 0, text: "a", prob: 2, writer: 0, picked: true }] }), "broken"],
    [JSON.stringify({ ...good, tokens: [null] }), "broken"],
    ...[[256], [-1], "x", Array(1000).fill(1)].map((bytes) => [JSON.stringify({ ...good, tokens: [{ id: 0, text: "⟨E2⟩", bytes, prob: null, writer: 0, picked: true }] }), "broken"]),
    [JSON.stringify({ ...good, tokens: [{ id: 0, text: "⟨E2⟩", bytes: [0xe2], prob: null, writer: 0, picked: true }] }), null],
    [JSON.stringify({ ...good, prompt: "\ud800" }), "broken"],
  ]) same(reasons(text), reason);
});

test("code is ASCII that a shell and Python read as it was meant", () => {
  const url = new URL("http://127.0.0.1:9/api/generate-next-token");
  const body = { session_id: HOSTILE, step: null, context: HOSTILE, context_ids: [3, 0], temperature: 0.7 };
  const command = curlCommand(url, body), program = pythonNext(url, body);
  assert.match(command + program, /^[\n\x20-\x7e]*$/);
  const shown = execFileSync("bash", ["-c", `curl() { printf '%s\\0' "$@"; }\n${command}`], { encoding: "utf8" }).split("\0");
  same(JSON.parse(shown[shown.indexOf("--data-raw") + 1]), body);
  same(shown[shown.indexOf("-H") - 1], url.href);
  const literals = program.split("\n").filter((line) => /^(url|body) = /.test(line)).join("\n");
  const said = execFileSync(process.env.PYTHON ?? "python3", ["-c", `${literals}\nimport json; print(json.dumps([url, body]))`], { encoding: "utf8" });
  same(JSON.parse(said), [url.href, body]);
});

test("a text is asked for in runs, with what was chosen between them", async () => {
  const api = answering();
  const trace = restore("ab", textOf(api, "ab", [1, 5, 6, 1, 1]), [1, 2], Array(5).fill(author()));
  const parts = partsOf(trace, await reproduce(api, trace, now(), signal));
  same(parts.map((part) => (typeof part === "string" ? part.length : [part.position, part.n, part.seed])), [[2, 1, 1], 2, [5, 2, 1]]);
});

test("cells of a table are quoted, and no token is a formula", async () => {
  const next = { position: 1, id: 0, text: "=", prob: 0.5, candidates: [{ id: 0, text: "=", prob: 0.5 }, { id: 1, text: "\u202e\"", prob: 0.25 }], other: { count: 1, prob: 0.25 } };
  const scored = [{ position: 0, token: "\n", logprob: null, candidates: [], other: null }];
  const lines = distributions({ prompt: ["\n"], tokens: [], now: now(), next, scored }).split("\r\n");
  same(lines, [
    "position,kind,id,token,prob,temperature,token_1,prob_1,token_2,prob_2,other",
    "0,prompt,-1,\"\"\"\\n\"\"\",,1,,,,,",
    "1,next,0,\"\"\"=\"\"\",0.5,0.5,\"\"\"=\"\"\",0.5,\"\"\"\\u202e\\\"\"\"\"\"\",0.25,0.25".replace("\\\"\"\"\"\"\"", "\\\"\"\"\"\""),
    "",
  ]);
  assert.match(fileName("<../a b>", new Date(0), "csv"), /^-a-b--19700101000000\.csv$/);
});

test("no character of a text is markup in a picture, nor one that XML can't hold", () => {
  const step = { position: 0, id: 0, text: "<", prob: 0.5, candidates: [{ id: 0, text: "<", prob: 0.5 }, { id: 1, text: "]]>", prob: 0.3 }], other: { count: 2, prob: 0.2 } };
  const svg = barsSvg(step, [...`</text><script>alert("1")</script>&\u0000\u202e`], "<note>", { next: "a & b", other: "<2>" });
  same([...svg.matchAll(/<([a-z]+)/g)].map((found) => found[1]).filter((name) => !["g", "rect", "text"].includes(name)), ["svg", "title", "style"]);
  assert.ok(svg.includes("&#60;/text&#62;&#60;script&#62;") && svg.includes("U+0000U+202E") && svg.includes("]]&#62;"));
});

test("kept texts are named, deleted, brought back, and bounded", () => {
  const text = (name, prompt = "a") => ({ name, at: 1, place: {}, sampling: {}, seed: 1, trace: encodeTrace(restore(prompt, [])) });
  let texts = kept.add(kept.add([], text("one")), text("  two\n" + "x".repeat(200)));
  same(texts.map(({ id, name }) => [id, name.slice(0, 5), name.length]), [[2, "two x", 80], [1, "one", 3]]);
  texts = kept.rename(texts, 1, "<b>");
  same(kept.decode(kept.encode(texts)), texts);
  const [removed] = texts;
  same(kept.restore(kept.remove(texts, 2), removed, 0), texts);
  same(kept.add(texts, text("long", "ä".repeat(kept.BYTES_MAX / 2))), null);
  for (const broken of [null, "", "{", "[]", "5", '{"version":2,"texts":[]}', '{"version":1,"texts":[null,{},{"id":1}]}']) same(kept.decode(broken), []);
});
