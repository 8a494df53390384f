// Checks of links: a snapshot and a course page as parameters, and back; run by `npm test` and test_modules.py.

import { test } from "node:test";

import { same } from "./support.js";

import { config } from "../../playground/frontend/shared/config.js";
import * as Link from "../../playground/frontend/sharing/link.js";
import * as Course from "../../playground/frontend/sharing/course.js";
import * as Trace from "../../playground/frontend/playback/trace.js";

const snapshot = {
  prompt: "Romeo 😀 & co?\nñ",
  model: "owner/name",
  revision: "0123456789abcdef0123456789abcdef01234567",
  step: 300,
  sampling: { pick: "sample", temperature: 0.7, top_k: 5, top_p: 0.9, seed: 42 },
  intervalMs: 250,
  tab: "learn",
  drawer: "closed",
  explore: "branches",
  written: ["a", " ", "😀", "\n", "%"],
  chosen: [0, 3],
};
const query = Link.encode(snapshot);
const keys = (search) => Link.decode(search).problems.map(({ key }) => key);
const snapshotOf = (search) => Link.decode(search).snapshot;

test("a link is read as the moment that it was made of", () => {
  const { snapshot: read, problems } = Link.decode("?" + query);
  same(problems, []);
  same(Object.entries(read).sort(), Object.entries(snapshot).sort());
});

test("what a person can read comes first, the version last", () => {
  same(query.startsWith("prompt=Romeo"), true);
  same(query.endsWith("&v=1"), true);
});

const whole = { ...snapshot, written: [" king", "dom", "\n", "⟨E2 80⟩", "."], ids: [5822, 3438, 198, 447, 13], name: "<b>me & ${x}</b>" };

test("a name, and tokens of several characters with their ids, make a link of version 2", () => {
  const full = Link.encode(whole);
  same(full.endsWith("&v=2"), true);
  const { snapshot: read, problems } = Link.decode("?" + full);
  same(problems, []);
  same(Object.entries(read).sort(), Object.entries(whole).sort());
  same(snapshotOf("?" + Link.encode({ ...snapshot, name: "mine" })), { ...snapshotOf("?" + query), name: "mine" });
  same(Link.encode({ ...snapshot, ids: [], name: "" }), query); // nothing that version 1 has not
});

test("a link of version 2 that is cut anywhere says so, and its tokens are whole", () => {
  const full = Link.encode({ ...whole, name: "" });
  for (let length = "prompt=Ro".length; length < full.length - 1; length += 1) {
    const { snapshot: read, problems } = Link.decode("?" + full.slice(0, length));
    same(problems.some(({ key }) => key === "link.cut_off"), true);
    if (read.ids) same([read.written, read.ids], [whole.written.slice(0, read.ids.length), whole.ids.slice(0, read.ids.length)]);
  }
});

test("ids that are of another text, or are none, are left out", () => {
  same(snapshotOf("?prompt=a&length=1&ids=a-2&written=bcd&v=2").written, ["b", "c", "d"]);
  same(snapshotOf("?prompt=a&length=1&ids=a-2&written=bcd&v=2").ids, undefined);
  for (const ids of ["", "A", "1-", "-1", "1..2", "1-zzzz", "b/b"]) {
    same(keys(`?prompt=a&ids=${encodeURIComponent(ids)}&v=2`), ["link.unreadable"]);
  }
});

test("what top choice does not use is left out", () => {
  const { sampling, ...rest } = snapshot;
  const short = Link.encode({ ...rest, sampling: { ...sampling, pick: "top" }, written: [], chosen: [] });
  same([...new URLSearchParams(short).keys()], ["prompt", "model", "revision", "step", "pick", "speed", "tab", "drawer", "explore", "v"]);
});

test("500 characters make a link that can be pasted", () => {
  const written = Array.from("To be, or not to be: that is the question:\n".repeat(12)).slice(0, 500);
  same(Link.encode({ ...snapshot, written }).length < 1200, true);
});

test("an address without a moment tells none", () => {
  for (const search of ["", "?__theme=dark", "?lang=de&v=1", "?train=live-1"]) same(Link.decode(search), { snapshot: null, problems: [] });
});

test("a model's own link needs no version", () => {
  same(keys("?model=owner/name"), []);
  same(snapshotOf("?model=owner/name").model, "owner/name");
  const { model, revision } = snapshotOf("?model=owner/name@v1");
  same([model, revision], ["owner/name", "v1"]);
});

test("a link cut anywhere says so, and is read as far as it goes", () => {
  for (let length = "prompt=Ro".length; length < query.length - 1; length += 1) {
    const { snapshot: read, problems } = Link.decode("?" + query.slice(0, length));
    same(problems.some(({ key }) => key === "link.cut_off"), true);
    same(snapshot.prompt.startsWith(read.prompt), true);
    same(snapshot.written.join("").startsWith(read.written.join("")), true);
  }
});

test("an older and a newer version are told apart", () => {
  same(keys("?prompt=a&v=0"), ["link.older"]);
  same(keys("?prompt=a&v=99"), ["link.newer"]);
  same(snapshotOf("?prompt=a&v=99").prompt, "a");
});

test("a text of 10,000 characters is cut, and the rest still holds", () => {
  const { snapshot: read, problems } = Link.decode(`?prompt=${"ab".repeat(5000)}&model=names&length=1&written=x&v=1`);
  same(problems.map(({ key }) => key), ["link.too_long"]);
  same([read.prompt.length, read.model, read.written], [config.link.prompt_max, "names", []]);
});

test("of 10,000 written characters no more than can be written are taken", () => {
  same(snapshotOf(`?prompt=a&length=500&written=${"b".repeat(10_000)}&v=1`).written.length, config.generation.tokens_max);
});

test("what can't be read is named and left out", () => {
  const bad = "?prompt=a&step=1e9999&temperature=hot&top_k=-1&top_p=2&seed=1.5&speed=NaN&tab=__proto__&drawer=0&explore=x&pick=constructor&chose=1..2&v=1";
  const { snapshot: read, problems } = Link.decode(bad);
  same(problems, [{ key: "link.unreadable", params: { names: "step, pick, temperature, top_k, top_p, seed, speed, tab, drawer, explore, chose" } }]);
  same(read.sampling, {});
});

test("a model is an id or owner/name, never an address", () => {
  for (const model of ["http://127.0.0.1/x", "../secret", "a/b/c", "javascript:alert(1)", "a b", "<img src=x>", "//host/x"]) {
    same(snapshotOf(`?model=${encodeURIComponent(model)}&v=1`).model, undefined);
  }
});

test("half a character at the end of a cut is dropped", () => same(snapshotOf("?prompt=caf%C3").prompt, "caf"));

test("a panel of Explore may have a state of its own, without markup", () => {
  same(snapshotOf("?explore=branches.1,2~a&v=1").explore, "branches.1,2~a");
  for (const place of ["branches.<b>", "branches.a b", `branches.${"a".repeat(config.explore.state_max + 1)}`, "toString"]) {
    same(snapshotOf(`?explore=${encodeURIComponent(place)}&v=1`).explore, undefined);
  }
});

test("choices beyond the text are dropped", () => same(snapshotOf("?prompt=a&chose=0.7&length=2&written=bc&v=1").chosen, [0]));

test("a text that was written before is a trace", () => {
  const trace = Trace.restore("x😀", [{ id: 0, text: "a" }, { id: 1, text: "b" }], [1]);
  same(Trace.text(trace).join(""), "x😀ab");
  same(trace.steps.map(({ position }) => position), [2, 3]);
  same(trace.steps.map(Trace.wasChosen), [false, true]);
  same(Trace.next(trace), null);
});

test("a course page is read as it was made", () => {
  const course = { hide: ["speed", "bars"], task: "Say <b>“hi”</b> & go", done: { what: "choices", count: 3 }, embed: true };
  same(Course.decode("?" + new URLSearchParams(Course.encode(course))), course);
  same(Course.encode({}), []);
});

test("of a course page only what is known is taken", () => {
  same(Course.decode("?hide=speed.constructor.x&done=tokens:0&view=x"), { hide: ["speed"], task: "", done: null, embed: false });
  same(Course.decode(`?task=${"a".repeat(10_000)}`).task.length, config.course.task_max);
  for (const done of ["tokens:", "tokens:1e3", "moves:3", "tokens:9999"]) same(Course.decode(`?done=${done}`).done, null);
});

test("a goal can be reached while one of the controls for it is shown", () => {
  same(Course.isReachable("tokens", ["play", "step"]), true);
  same(Course.isReachable("tokens", ["play", "step", "bars"]), false);
  same(Course.isReachable("choices", ["bars"]), false);
  same(Course.isReachable("steps", ["step"]), true);
  same(Course.isReachable("steps", ["training_step"]), false);
});

test("a task counts what is written, chosen and moved", () => {
  const at = (changes) => ({ session_id: "s", step: 10, written: 0, chosen: 0, ...changes });
  let progress = Course.advance(Course.noProgress, at({}), at({ written: 3, chosen: 1 }));
  progress = Course.advance(progress, at({ written: 3, chosen: 1 }), at({})); // written anew
  progress = Course.advance(progress, at({}), at({ chosen: 1, step: 20 }));
  same(progress, { tokens: 3, choices: 2, steps: 1 });
  same(Course.advance(progress, at({}), at({ session_id: "t", step: 5 })).steps, 1); // another model
});

test("for a model with other tokens, what was written is its characters, chosen where the tokens began", () => {
  const { written, chosen } = Link.splitIntoCharacters({ written: [" king", "", "😀s", "."], chosen: [0, 2, 3] });
  same(written.join("|"), " |k|i|n|g|😀|s|.");
  same(chosen, [0, 5, 7]);
  same(Link.splitIntoCharacters(snapshot), { written: snapshot.written, chosen: snapshot.chosen });
});
