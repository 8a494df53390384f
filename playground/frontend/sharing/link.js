// A moment of the page as the parameters of a link, and back. Pure: no DOM, no network.
//
// Moment: {prompt, model, revision, step, sampling: {pick, temperature, top_k, top_p, seed},
//          interval_ms, tab, drawer, written, chosen}
//         written: the tokens on screen after the prompt, each a character
//         chosen:  indices of those among them that were chosen instead of the pick
//
// A link holds the text itself and not only what led to it: another machine may round the last bit
// of a logit otherwise, and must not show another text for it. What a link leaves out stays as the
// page has it. Its version comes last: a link without one has been cut off.

import { characters } from "../shared/text.js";
import { MAX_STEPS } from "../playback/trace.js";

export const VERSION = 1;
export const PROMPT_MAX = 2000; // characters; a longer link is cut off on its way
const SEED_MAX = 2 ** 31 - 1;
const UNVERSIONED = ["model", "revision"]; // a model's own link has no more than this

const whole = (low, high) => (text) => {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= low && value <= high ? value : undefined;
};
const decimal = (low, high) => (text) => {
  const value = Number(text);
  return /^\d*\.?\d+$/.test(text) && value >= low && value <= high ? value : undefined;
};
const one_of = (names) => (text) => (names.includes(text) ? text : undefined);

// How each parameter is read; undefined: it can't be. In the order in which a link has them.
const READ = {
  prompt: (text) => text,
  model: (text) => (/^\w[\w.-]*(\/\w[\w.-]*(@[\w.\/-]{1,100})?)?$/.test(text) ? text : undefined),
  revision: (text) => (/^[\w.\/-]{1,100}$/.test(text) ? text : undefined),
  step: whole(0, Number.MAX_SAFE_INTEGER),
  pick: one_of(["top", "sample"]),
  temperature: decimal(0.1, 2),
  top_k: whole(0, 50),
  top_p: decimal(0.05, 1),
  seed: whole(0, SEED_MAX),
  speed: whole(100, 2000),
  tab: one_of(["library", "learn"]),
  drawer: one_of(["open", "closed"]),
  chose: (text) => (/^\d{1,3}(\.\d{1,3})*$/.test(text) ? text.split(".").map(Number) : undefined),
  length: whole(0, MAX_STEPS),
  written: (text) => text,
};
const SAMPLING = ["pick", "temperature", "top_k", "top_p", "seed"];

/** The query of a link, without "?". What says nothing is left out. more: pairs of other parameters. */
export function encode({ prompt, model, revision, step, sampling, interval_ms, tab, drawer, written, chosen }, more = []) {
  const { pick, temperature, top_k, top_p, seed } = sampling;
  const draws = pick === "sample";
  const first = {
    prompt,
    model,
    revision,
    step,
    pick,
    temperature: draws ? temperature : undefined,
    top_k: draws && top_k > 0 ? top_k : undefined,
    top_p: draws && top_p < 1 ? top_p : undefined,
    seed: draws ? seed : undefined,
    speed: interval_ms,
    tab,
    drawer,
  };
  const last = {
    chose: chosen.length ? chosen.join(".") : undefined,
    length: written.length || undefined,
    written: written.join("") || undefined,
    v: VERSION,
  };
  const pairs = [...Object.entries(first), ...more, ...Object.entries(last)];
  return new URLSearchParams(pairs.filter(([, value]) => value != null)).toString();
}

/** {moment, problems}: as much of a moment as a link tells, and what was wrong with it.
 * problems: [{key, params}, …], messages for the visitor. moment: null where the link tells none. */
export function decode(search) {
  const given = new URLSearchParams(search.replace(/%[0-9a-f]?$/i, "")); // cut in the middle of a byte
  const told = Object.keys(READ).filter((name) => given.has(name));
  if (told.length === 0) return { moment: null, problems: [] };
  const problems = [];
  const values = {};
  const unreadable = [];
  for (const name of told) {
    values[name] = READ[name](given.get(name));
    if (values[name] === undefined) unreadable.push(name);
  }
  const version = whole(0, 1e6)(given.get("v") ?? "");
  const cut = mend(values, version === undefined && told.some((name) => !UNVERSIONED.includes(name)));
  if (cut) problems.push({ key: "link.cut_off", params: {} });
  else if (version > VERSION) problems.push({ key: "link.newer", params: {} });
  else if (version < VERSION) problems.push({ key: "link.older", params: {} });
  if (unreadable.length) problems.push({ key: "link.unreadable", params: { names: unreadable.join(", ") } });
  if (characters(values.prompt ?? "").length > PROMPT_MAX) {
    values.prompt = characters(values.prompt).slice(0, PROMPT_MAX).join("");
    problems.push({ key: "link.too_long", params: { count: PROMPT_MAX } });
    delete values.written; // it followed on what has been left out
  }
  return { moment: moment(values), problems };
}

/** Whether the end of a link is missing; what a cut went through is taken away. */
function mend(values, unversioned) {
  const written = characters(values.written ?? "");
  const cut = unversioned || (values.length !== undefined && written.length < values.length);
  for (const name of cut ? ["prompt", "written"] : []) {
    if (values[name]) values[name] = values[name].replace(/\ufffd+$/, "");
  }
  return cut;
}

function moment({ speed, chose, written, length, ...values }) {
  const sampling = Object.fromEntries(SAMPLING.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]));
  const { prompt, step, tab, drawer } = values;
  const [model, revision = values.revision] = values.model?.split("@") ?? [];
  const tokens = characters(written ?? "").slice(0, MAX_STEPS);
  return {
    prompt, model, revision, step, sampling, tab, drawer,
    interval_ms: speed,
    written: tokens,
    chosen: (chose ?? []).filter((index) => index < tokens.length),
  };
}
