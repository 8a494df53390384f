// Checks of links: a moment and a course page as parameters, and back; run by test_modules.py.

import { all, module, same } from "./checks.js";

const Link = await module("sharing/link.js");
const Course = await module("sharing/course.js");
const Trace = await module("playback/trace.js");

const moment = {
  prompt: "Romeo 😀 & co?\nñ",
  model: "owner/name",
  revision: "0123456789abcdef0123456789abcdef01234567",
  step: 300,
  sampling: { pick: "sample", temperature: 0.7, top_k: 5, top_p: 0.9, seed: 42 },
  interval_ms: 250,
  tab: "learn",
  drawer: "closed",
  written: ["a", " ", "😀", "\n", "%"],
  chosen: [0, 3],
};
const query = Link.encode(moment);
const keys = (search) => Link.decode(search).problems.map(({ key }) => key);
const told = (search) => Link.decode(search).moment;

const checks = {
  "a link is read as the moment that it was made of": () => {
    const { moment: read, problems } = Link.decode("?" + query);
    same(problems, []);
    same(Object.entries(read).sort(), Object.entries(moment).sort());
  },
  "what a person can read comes first, the version last": () => {
    same(query.startsWith("prompt=Romeo"), true);
    same(query.endsWith("&v=1"), true);
  },
  "what top choice does not use is left out": () => {
    const { sampling, ...rest } = moment;
    const short = Link.encode({ ...rest, sampling: { ...sampling, pick: "top" }, written: [], chosen: [] });
    same([...new URLSearchParams(short).keys()], ["prompt", "model", "revision", "step", "pick", "speed", "tab", "drawer", "v"]);
  },
  "500 characters make a link that can be pasted": () => {
    const written = Array.from("To be, or not to be: that is the question:\n".repeat(12)).slice(0, 500);
    same(Link.encode({ ...moment, written }).length < 1200, true);
  },
  "an address without a moment tells none": () => {
    for (const search of ["", "?__theme=dark", "?lang=de&v=1", "?train=live-1"]) same(Link.decode(search), { moment: null, problems: [] });
  },
  "a model's own link needs no version": () => {
    same(keys("?model=owner/name"), []);
    same(told("?model=owner/name").model, "owner/name");
    const { model, revision } = told("?model=owner/name@v1");
    same([model, revision], ["owner/name", "v1"]);
  },
  "a link cut anywhere says so, and is read as far as it goes": () => {
    for (let length = "prompt=Ro".length; length < query.length - 1; length += 1) {
      const { moment: read, problems } = Link.decode("?" + query.slice(0, length));
      same(problems.some(({ key }) => key === "link.cut_off"), true);
      same(moment.prompt.startsWith(read.prompt), true);
      same(moment.written.join("").startsWith(read.written.join("")), true);
    }
  },
  "an older and a newer version are told apart": () => {
    same(keys("?prompt=a&v=0"), ["link.older"]);
    same(keys("?prompt=a&v=99"), ["link.newer"]);
    same(told("?prompt=a&v=99").prompt, "a");
  },
  "a text of 10,000 characters is cut, and the rest still holds": () => {
    const { moment: read, problems } = Link.decode(`?prompt=${"ab".repeat(5000)}&model=names&length=1&written=x&v=1`);
    same(problems.map(({ key }) => key), ["link.too_long"]);
    same([read.prompt.length, read.model, read.written], [Link.PROMPT_MAX, "names", []]);
  },
  "of 10,000 written characters no more than can be written are taken": () => {
    same(told(`?prompt=a&length=500&written=${"b".repeat(10_000)}&v=1`).written.length, Trace.MAX_STEPS);
  },
  "what can't be read is named and left out": () => {
    const bad = "?prompt=a&step=1e9999&temperature=hot&top_k=-1&top_p=2&seed=1.5&speed=NaN&tab=__proto__&drawer=0&pick=constructor&chose=1..2&v=1";
    const { moment: read, problems } = Link.decode(bad);
    same(problems, [{ key: "link.unreadable", params: { names: "step, pick, temperature, top_k, top_p, seed, speed, tab, drawer, chose" } }]);
    same(read.sampling, {});
  },
  "a model is an id or owner/name, never an address": () => {
    for (const model of ["http://127.0.0.1/x", "../secret", "a/b/c", "javascript:alert(1)", "a b", "<img src=x>", "//host/x"]) {
      same(told(`?model=${encodeURIComponent(model)}&v=1`).model, undefined);
    }
  },
  "half a character at the end of a cut is dropped": () => same(told("?prompt=caf%C3").prompt, "caf"),
  "choices beyond the text are dropped": () => same(told("?prompt=a&chose=0.7&length=2&written=bc&v=1").chosen, [0]),
  "a text that was written before is a trace": () => {
    const trace = Trace.written("x😀", ["a", "b"], [1]);
    same(Trace.text(trace).join(""), "x😀ab");
    same(trace.steps.map(({ position }) => position), [2, 3]);
    same(trace.steps.map(Trace.was_chosen), [false, true]);
    same(Trace.next(trace), null);
  },
  "a course page is read as it was made": () => {
    const course = { hide: ["speed", "bars"], task: "Say <b>“hi”</b> & go", done: { what: "choices", count: 3 }, embed: true };
    same(Course.decode("?" + new URLSearchParams(Course.encode(course))), course);
    same(Course.encode({}), []);
  },
  "of a course page only what is known is taken": () => {
    same(Course.decode("?hide=speed.constructor.x&done=tokens:0&view=x"), { hide: ["speed"], task: "", done: null, embed: false });
    same(Course.decode(`?task=${"a".repeat(10_000)}`).task.length, Course.TASK_MAX);
    for (const done of ["tokens:", "tokens:1e3", "moves:3", "tokens:9999"]) same(Course.decode(`?done=${done}`).done, null);
  },
  "a task counts what is written, chosen and moved": () => {
    const at = (changes) => ({ session_id: "s", step: 10, written: 0, chosen: 0, ...changes });
    let progress = Course.advance(Course.begun, at({}), at({ written: 3, chosen: 1 }));
    progress = Course.advance(progress, at({ written: 3, chosen: 1 }), at({})); // written anew
    progress = Course.advance(progress, at({}), at({ chosen: 1, step: 20 }));
    same(progress, { tokens: 3, choices: 2, steps: 1 });
    same(Course.advance(progress, at({}), at({ session_id: "t", step: 5 })).steps, 1); // another model
  },
};

export const run = () => all(checks);
