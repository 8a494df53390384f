// A snapshot of the page as the parameters of a link, and back. Pure: no DOM, no network.
//
// Snapshot: {prompt, model, revision, step, sampling: {pick, temperature, top_k, top_p, seed},
//            intervalMs, tab, drawer, explore, written, chosen, ids, name}
//           explore: the panel that is open, with its state, see explore/explore.js
//           written: the generated text: its characters, or with ids the part that each token shows
//           chosen:  indices of those among them at which a token begins that was chosen over the pick
//           ids:     of the tokens, where they are pieces of words
//           name:    of the branch
//
// A link holds the text itself and not only how it was generated: another machine may round the last
// bit of a logit differently and must not show another text. Parameters that are missing leave the
// page as it is. The version comes last: a link without one was truncated. Version 2 has `ids` and
// `name`; a link that needs neither is of version 1, which has one character to a token.

/** @import { PartialSnapshot, Problem, Sampling, Snapshot } from "../types.js" */

import { config } from "../shared/config.js";
import { characters, unifyNewlines } from "../shared/text.js";
import { repairQuery } from "./repair.js";

const UNVERSIONED = ["model", "revision"]; // a model's own link has only these
const VERSION_MAX = 1e6;
const ID_RADIX = 36; // of ids and lengths
const TOKEN_ID = /^([0-9a-z]{1,6})(?:-([0-9a-z]{1,3}))?$/; // its id; how many characters, by default one
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
  const { controls, explore, link } = config;
  const revision = `[\\w./-]{1,${link.revision_max}}`;
  const model = new RegExp(`^\\w[\\w.-]*(/\\w[\\w.-]*(@${revision})?)?$`);
  const place = new RegExp(`^(${explore.panels.join("|")})(\\.[\\w.,~-]{0,${explore.state_max}})?$`);
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
    explore: (/** @type {string} */ text) => (place.test(text) ? text : undefined),
    chose: (/** @type {string} */ text) => (/^\d{1,5}(\.\d{1,5})*$/.test(text) ? text.split(".").map(Number) : undefined),
    length: integer(0, link.prompt_max),
    ids: decodeIds,
    name: (/** @type {string} */ text) => text,
    written: (/** @type {string} */ text) => text,
  };
}

/** The ids of tokens, each with the number of its characters.
 * @param {string} text @returns {[id: number, length: number][] | undefined} */
function decodeIds(text) {
  const found = text.split(".").map((one) => TOKEN_ID.exec(one));
  if (found.includes(null)) return undefined;
  return found.map((one) => [parseInt(one?.[1] ?? "", ID_RADIX), parseInt(one?.[2] ?? "1", ID_RADIX)]);
}

/** @param {number[]} ids @param {string[]} texts of the tokens */
const encodeIds = (ids, texts) =>
  ids.map((id, index) => {
    const { length } = characters(texts[index]);
    return id.toString(ID_RADIX) + (length === 1 ? "" : `-${length.toString(ID_RADIX)}`);
  }).join(".");

/** The query of a link, without "?"; parameters without effect are left out.
 * @param {Snapshot} snapshot @param {[string, string | null][]} [more] other parameters */
export function encode({ prompt, model, revision, step, sampling, intervalMs, tab, drawer, explore, written, chosen, ids, name }, more = []) {
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
    explore,
  };
  const [simple, full] = config.link.versions;
  const last = {
    name: name || undefined,
    chose: chosen.length ? chosen.join(".") : undefined,
    length: written.length || undefined,
    ids: ids?.length ? encodeIds(ids, written) : undefined,
    written: written.join("") || undefined,
    v: name || ids?.length ? full : simple,
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
    for (const name of ["written", "ids", "name"]) delete values[name]; // it continues what was cut
  }
  return { snapshot: createSnapshot(values), problems };
}

/** @param {boolean} isTruncated @param {number | undefined} version @returns {Problem[]} */
function versionProblems(isTruncated, version = config.link.versions[0]) {
  const { versions } = config.link;
  if (isTruncated) return [{ key: "link.cut_off", params: {} }];
  if (version > Math.max(...versions)) return [{ key: "link.newer", params: {} }];
  if (version < Math.min(...versions)) return [{ key: "link.older", params: {} }];
  return [];
}

/** Whether the end of a link is missing; half a character at the end is removed.
 * @param {Record<string, any>} values @param {boolean} isUnversioned */
function repairTruncation(values, isUnversioned) {
  const written = characters(values.written ?? "");
  const expected = values.ids ? charactersOf(values.ids) : values.length;
  const isTruncated = isUnversioned || (expected !== undefined && written.length < expected);
  for (const name of isTruncated ? ["prompt", "written"] : []) {
    if (values[name]) values[name] = values[name].replace(/\ufffd+$/, "");
  }
  return isTruncated;
}

/** How many characters tokens have together.
 * @param {[id: number, length: number][]} ids */
const charactersOf = (ids) => ids.reduce((sum, [, length]) => sum + length, 0);

/** The tokens that a text was written as: those that are there as a whole. Where the lengths are of
 * another text, each character is one, without an id.
 * @param {string} written @param {[id: number, length: number][]} [ids] @param {number} [length] in characters
 * @returns {{ written: string[], ids?: number[] }} */
function splitWritten(written, ids, length = config.generation.tokens_max) {
  const all = characters(written), most = config.generation.tokens_max;
  if (!ids || all.length > charactersOf(ids)) return { written: all.slice(0, length) };
  let end = 0;
  const texts = ids.slice(0, most).map(([, length]) => all.slice(end, (end += length))).filter((one, index) => one.length === ids[index][1]);
  return { written: texts.map((one) => one.join("")), ids: texts.map((_, index) => ids[index][0]) };
}

/** What was written, as characters, for a model that has other tokens.
 * @param {Pick<PartialSnapshot, "written" | "chosen">} snapshot
 * @returns {{ written: string[], chosen: number[] }} chosen: the characters at which chosen tokens begin */
export function splitIntoCharacters({ written, chosen }) {
  let end = 0;
  const starts = written.map((text) => (end += characters(text).length) - characters(text).length);
  return { written: written.flatMap(characters), chosen: chosen.map((index) => starts[index]) };
}

/** @param {Record<string, any>} values @returns {PartialSnapshot} */
function createSnapshot({ speed, chose, written, length, ...values }) {
  const sampling = Object.fromEntries(SAMPLING.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]));
  const { prompt, step, tab, drawer, explore, name } = values;
  const [model, revision = values.revision] = values.model?.split("@") ?? [];
  // With ids, the length is that of tokens.
  const tokens = splitWritten(written ?? "", values.ids, "ids" in values ? undefined : length);
  return {
    prompt, model, revision, step, sampling, tab, drawer, explore,
    intervalMs: speed,
    ...tokens,
    chosen: /** @type {number[]} */ (chose ?? []).filter((index) => index < tokens.written.length),
    ...(name === undefined ? {} : { name }),
  };
}
