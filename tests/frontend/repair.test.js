// Checks of damaged links: each is read as it was made, and what was not damaged is left as it is.

import { test } from "node:test";

import { same } from "./support.js";

import * as Course from "../../playground/frontend/sharing/course.js";
import * as Link from "../../playground/frontend/sharing/link.js";
import { repairQuery } from "../../playground/frontend/sharing/repair.js";

const snapshot = {
  prompt: "Romeo 😀 & co?\nñ (“1+1=2”), 100% <b>.",
  model: "owner/name",
  revision: "0123456789abcdef0123456789abcdef01234567",
  step: 55,
  sampling: { pick: "sample", temperature: 0.7, top_k: 5, top_p: 0.9, seed: 42 },
  intervalMs: 250,
  tab: "learn",
  drawer: "closed",
  written: ["a", " ", "😀", "\n", "%", "+", "."],
  chosen: [0, 3],
};
const course = { hide: ["speed", "bars"], task: "Say “hi” & go.", done: { what: "choices", count: 3 }, embed: true };
const query = Link.encode(snapshot, [...Course.encode(course), ["lang", "de"], ["__theme", "dark"]]);
const meant = JSON.stringify([Link.decode(query), Course.decode(query)]);
const reads = (damaged) => JSON.stringify([Link.decode(damaged), Course.decode(damaged)]);
const twice = (one) => one.replace(/%/g, "%25");

const DAMAGES = {
  "copied out of HTML": (link) => link.replaceAll("&", "&amp;"),
  "escaped twice": (link) => link.replaceAll("&", "&amp;amp;"),
  "as WordPress writes it": (link) => link.replaceAll("&", "&#038;"),
  "in hexadecimal": (link) => link.replaceAll("&", "&#x26;"),
  "half encoded": (link) => link.replaceAll("&", "&amp%3B"),
  "separators encoded": (link) => link.replaceAll("&", "%26"),
  "encoded twice": twice,
  "encoded three times": (link) => twice(twice(link)),
  "encoded as a whole": (link) => encodeURIComponent(link),
  "encoded by value": (link) => link.split("&").map((pair) => pair.split("=").map(encodeURIComponent).join("=")).join("&"),
  "spaces as %20": (link) => link.replaceAll("+", "%20"),
  "spaces as %2520": (link) => twice(link.replaceAll("+", "%20")),
  "names in capitals": (link) => link.replace(/(^|&)\w+=/g, (name) => name.toUpperCase()),
  "a slash before it": (link) => `/?${link}`,
  "two question marks": (link) => `??${link}`,
  "marked by mailers": (link) => `utm_source=mail&${link}&utm_medium=e-mail&fbclid=IwAR0%2Fx&mc_eid=1`,
  "marked with a second ?": (link) => `${link}?utm_source=mail`,
  "with a parameter behind another ?": (link) => `__theme=dark?${link}`,
  "quoted-printable": (link) => link.replace(/(^|&)(\w+)=/g, "$1$2=3D"),
  "quoted-printable HTML": (link) => link.replace(/(^|&)(\w+)=/g, "$1$2=3D").replaceAll("&", "&amp;"),
  "broken in the middle of a value": (link) => link.replace("step=55", "step=5%0D%0A5").replace("42", "4%0A%202"),
  "broken in the middle of a name": (link) => link.replace("step=", "st%0Aep=").replace("temperature=", "%0Atemper%0D%0Aature="),
  "with an anchor": (link) => `${link}#top`,
};

const ENDS = [
  ".", ")", ",", ">", '"', "%22", "]", "*", "**", "%3E", " ", "%20", "+", "%0A", "&", "&amp;", ").", "`", "'",
  "%E2%80%9D", "%E2%80%9D.", "%C2%BB", "%E2%80%8B", "。", "%EF%BC%89", '"> a link</a>', ")%20and%20then%20more", "%20%22title%22)", "_",
];

test("a link that was damaged on its way is read as it was made", () => {
  for (const [how, damage] of Object.entries(DAMAGES)) same([how, reads("?" + damage(query))], [how, meant]);
});

test("what stood behind a link is no part of it", () => {
  for (const end of ENDS) same([end, reads("?" + query + end)], [end, meant]);
});

test("damages come together", () => {
  const pasted = (link) => `${link.replaceAll("&", "&amp;")}&amp;utm_source=x).`;
  same(reads("?" + pasted(query)), meant);
  same(reads("?" + twice(pasted(query))), meant);
});

test("a repaired link is left as it is", () => {
  for (const damage of Object.values(DAMAGES)) {
    const repaired = repairQuery(damage(query));
    same(repairQuery(repaired), repaired);
  }
});

test("a sound link stays as it is, to the letter", () => {
  for (const link of [query, "prompt=The+king.&model=plain", "", "__sign=abc.def.&logs=container", "model=owner/name", "lesson=9-größe"]) {
    same(repairQuery("?" + link), link);
  }
});

test("a text about links and percent signs is the same in a link of it", () => {
  for (const prompt of ["100%20", "%2520", "a%3Db", "?model=x&step=5", "&amp;step=5", "#038;", "utm_source=1", "%", "%C3%B1 %41", "x).”"]) {
    const bare = Link.encode({ ...snapshot, prompt, written: [], chosen: [], model: "plain", sampling: { pick: "top" } });
    same(repairQuery(bare), bare);
    same(Link.decode(bare).snapshot.prompt, prompt);
    same(Link.decode(bare).problems, []);
  }
});

test("a text at the end of a link keeps its punctuation", () => {
  same(Link.decode("?model=plain&prompt=Is+it+so?)").snapshot.prompt, "Is it so?)");
  same(Link.decode("?prompt=a&length=3&written=b.%22").snapshot.written, ["b", ".", '"']);
  same(Course.decode("?task=Say+“hi”.").task, "Say “hi”.");
});

test("no value is made up", () => {
  const values = ["?", "5 5", "hot", "-1", "1.5", "", "%", "(((", "names)x", "5%2B5", "a%20b"];
  for (const value of values) {
    for (const name of ["step", "seed", "model", "v", "top_p", "chose", "temperature"]) {
      const repaired = new URLSearchParams(repairQuery(`?${name}=${value}`)).get(name) ?? "";
      same([name, value, new URLSearchParams(`${name}=${value}`).get(name).includes(repaired)], [name, value, true]);
    }
  }
  same(Link.decode("?prompt=a&step=5+5&v=1").problems, [{ key: "link.unreadable", params: { names: "step" } }]);
});

test("a damaged link that was cut off, too, says so", () => {
  const { snapshot: read, problems } = Link.decode("?prompt=The&amp;model=plain&amp;step=55&amp;written=a");
  same(problems.map(({ key }) => key), ["link.cut_off"]);
  same([read.prompt, read.model, read.step], ["The", "plain", 55]);
});

test("every parameter that a link is made of can be repaired", () => {
  const names = [...new URLSearchParams(query).keys()];
  const capitals = names.map((name) => `${name.toUpperCase()}=1`).join("&");
  same([...new URLSearchParams(repairQuery(capitals)).keys()], names);
});
