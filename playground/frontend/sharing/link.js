// A snapshot of the page as the parameters of a link, and back. Pure: no DOM, no network.
//
// Snapshot: {prompt, model, revision, step, sampling: {pick, temperature, top_k, top_p, seed},
//            intervalMs, tab, drawer, written, chosen}
//           written: the generated tokens, each a character
//           chosen:  indices of those among them that were chosen over the pick
//
// A link holds the text itself and not only how it was generated: another machine may round the last
// bit of a logit differently and must not show another text. Parameters that are missing leave the
// page as it is. The version comes last: a link without one was truncated.

/** @import { PartialSnapshot, Problem, Sampling, Snapshot } from "../types.js" */

import { config } from "../shared/config.js";
import { characters, unifyNewlines } from "../shared/text.js";
import { repairQuery } from "./repair.js";

const UNVERSIONED = ["model", "revision"]; // a model's own link has only these
const VERSION_MAX = 1e6;
/** @type {(keyof Sampling)[]} */
const SAMPLING = ["pick", "temperature", "top_k", "top_p", "seed"];

/** Parses the text of a parameter; undefined where it is invalid.
 * @typedef {(text: string) => any} Parser */

/** @param {number} low @param {number} high @returns {Parser} */
const integer = (low, high) => (text) => {
  const value = Number(text);
  return /^\d+$/.test(text) && value >= low && value <= high ? value : undefined;
};

/** @param {{ low: number, high: number }} range @returns {Parser} */
const decimal = ({ low, high }) => (text) => {
  const value = Number(text);
  return /^\d*\.?\d+$/.test(text) && value >= low && value <= high ? value : undefined;
};

/** @param {string[]} names @returns {Parser} */
const oneOf = (names) => (text) => (names.includes(text) ? text : undefined);

/** A parser for each parameter, in the order in which a link has them.
 * @returns {Record<string, Parser>} */
function parsers() {
  const { controls, generation, link } = config;
  const revision = `[\\w./-]{1,${link.revision_max}}`;
  const model = new RegExp(`^\\w[\\w.-]*(/\\w[\\w.-]*(@${revision})?)?$`);
  return {
    prompt: unifyNewlines,
    model: (/** @type {string} */ text) => (model.test(text) ? text : undefined),
    revision: (/** @type {string} */ text) => (new RegExp(`^${revision}$`).test(text) ? text : undefined),
    step: integer(0, Number.MAX_SAFE_INTEGER),
    pick: oneOf(controls.pick.choices),
    temperature: decimal(controls.temperature),
    top_k: integer(controls.top_k.low, controls.top_k.high),
    top_p: decimal(controls.top_p),
    seed: integer(0, link.seed_max),
    speed: integer(controls.speed.low, controls.speed.high),
    tab: oneOf(link.tabs),
    drawer: oneOf(["open", "closed"]),
    chose: (/** @type {string} */ text) => (/^\d{1,3}(\.\d{1,3})*$/.test(text) ? text.split(".").map(Number) : undefined),
    length: integer(0, generation.tokens_max),
    written: (/** @type {string} */ text) => text,
  };
}

/** The query of a link, without "?"; parameters without effect are left out.
 * @param {Snapshot} snapshot @param {[string, string | null][]} [more] other parameters */
export function encode({ prompt, model, revision, step, sampling, intervalMs, tab, drawer, written, chosen }, more = []) {
  const { pick, temperature, top_k: topK, top_p: topP, seed } = sampling;
  const isSampled = pick === "sample";
  const first = {
    prompt,
    model,
    revision,
    step,
    pick,
    temperature: isSampled ? temperature : undefined,
    top_k: isSampled && topK > 0 ? topK : undefined,
    top_p: isSampled && topP < 1 ? topP : undefined,
    seed: isSampled ? seed : undefined,
    speed: intervalMs,
    tab,
    drawer,
  };
  const last = {
    chose: chosen.length ? chosen.join(".") : undefined,
    length: written.length || undefined,
    written: written.join("") || undefined,
    v: config.link.version,
  };
  const pairs = [...Object.entries(first), ...more, ...Object.entries(last)].filter(([, value]) => value != null);
  const query = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  // A text about "%20" would be taken for a link that was encoded twice: an escape more tells them apart.
  return repairQuery(query) === query ? query : query.replace(/\d$/, (digit) => `%3${digit}`);
}

/** The snapshot that a link holds, null where it holds none, and the problems with it as messages.
 * @param {string} search
 * @returns {{ snapshot: PartialSnapshot | null, problems: Problem[] }} */
export function decode(search) {
  const given = new URLSearchParams(repairQuery(search).replace(/%[0-9a-f]?$/i, "")); // truncated within a byte
  const readers = parsers();
  const names = Object.keys(readers).filter((name) => given.has(name));
  if (names.length === 0) return { snapshot: null, problems: [] };
  /** @type {Record<string, any>} */
  const values = {};
  for (const name of names) values[name] = readers[name](given.get(name) ?? "");
  const unreadable = names.filter((name) => values[name] === undefined);
  /** @type {number | undefined} */
  const version = integer(0, VERSION_MAX)(given.get("v") ?? "");
  const isUnversioned = version === undefined && names.some((name) => !UNVERSIONED.includes(name));
  const problems = versionProblems(repairTruncation(values, isUnversioned), version);
  if (unreadable.length) problems.push({ key: "link.unreadable", params: { names: unreadable.join(", ") } });
  if (characters(values.prompt ?? "").length > config.link.prompt_max) {
    values.prompt = characters(values.prompt).slice(0, config.link.prompt_max).join("");
    problems.push({ key: "link.too_long", params: { count: config.link.prompt_max } });
    delete values.written; // it continues what was cut
  }
  return { snapshot: createSnapshot(values), problems };
}

/** @param {boolean} isTruncated @param {number | undefined} version @returns {Problem[]} */
function versionProblems(isTruncated, version = config.link.version) {
  if (isTruncated) return [{ key: "link.cut_off", params: {} }];
  if (version > config.link.version) return [{ key: "link.newer", params: {} }];
  if (version < config.link.version) return [{ key: "link.older", params: {} }];
  return [];
}

/** Whether the end of a link is missing; half a character at the end is removed.
 * @param {Record<string, any>} values @param {boolean} isUnversioned */
function repairTruncation(values, isUnversioned) {
  const written = characters(values.written ?? "");
  const isTruncated = isUnversioned || (values.length !== undefined && written.length < values.length);
  for (const name of isTruncated ? ["prompt", "written"] : []) {
    if (values[name]) values[name] = values[name].replace(/\ufffd+$/, "");
  }
  return isTruncated;
}

/** @param {Record<string, any>} values @returns {PartialSnapshot} */
function createSnapshot({ speed, chose, written, ...values }) {
  const sampling = Object.fromEntries(SAMPLING.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]));
  const { prompt, step, tab, drawer } = values;
  const [model, revision = values.revision] = values.model?.split("@") ?? [];
  const tokens = characters(written ?? "").slice(0, config.generation.tokens_max);
  return {
    prompt, model, revision, step, sampling, tab, drawer,
    intervalMs: speed,
    written: tokens,
    chosen: /** @type {number[]} */ (chose ?? []).filter((index) => index < tokens.length),
  };
}
