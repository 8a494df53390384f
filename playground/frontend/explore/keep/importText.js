// Parses and validates a JSON file with a text; unknown fields are ignored.
// Pure: no DOM, no network.

/** @import { Author, Sampling, SamplingParams } from "../../types.js" */
/** @import { OpenedText } from "../../sharing/snapshots.js" */

import { clampSeed, clampToRange, defaultSampling } from "../../playback/sampling.js";
import { config } from "../../shared/config.js";
import { characters, unifyNewlines } from "../../shared/text.js";

const BYTE_MAX = 255;

/** Why a text can't be read; `reason` names the sentence. */
export class UnreadableText extends Error {
  /** @param {"empty" | "too_large" | "no_json" | "foreign" | "newer" | "broken"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** Throws UnreadableText.
 * @param {string} json @returns {OpenedText} */
export function readTextFile(json) {
  const { bytes_max: bytesMax, format } = config.text_file;
  if (json.length > bytesMax) throw new UnreadableText("too_large");
  if (!json.trim()) throw new UnreadableText("empty");
  const file = parse(json);
  if (!isRecord(file) || file.format !== format.format) throw new UnreadableText("foreign");
  if (typeof file.version === "number" && file.version > format.version) throw new UnreadableText("newer");
  check(typeof file.prompt === "string" && isWhole(file.prompt) && Array.isArray(file.tokens) && Array.isArray(file.writers));
  check(file.tokens.length <= config.generation.tokens_max && file.writers.length > 0 && file.writers.length <= file.tokens.length + 1);
  const authors = file.writers.map(readAuthor);
  const tokens = file.tokens.map((/** @type {unknown} */ token) => readToken(token, authors.length));
  const [now] = file.writers;
  const { params } = authors[0];
  return {
    place: { session_id: now.session_id, name: authors[0].name, model: text(now.model), revision: now.revision === null ? null : text(now.revision), step: authors[0].step },
    sampling: readSampling(params),
    trace: {
      prompt: unifyNewlines(file.prompt),
      tokens: tokens.map(({ id, text: token, bytes }) => (bytes ? [id, token, bytes] : [id, token])),
      chosen: tokens.flatMap(({ isPicked }, index) => (isPicked ? [] : [index])),
      authors,
      by: tokens.map(({ writer }) => writer),
      odds: tokens.map(({ prob }) => prob),
    },
  };
}

/** @param {string} json @returns {unknown} */
function parse(json) {
  try {
    return JSON.parse(json.replace(/^\ufeff/, ""));
  } catch {
    throw new UnreadableText("no_json");
  }
}

/** @param {unknown} writer @returns {Author & { params: SamplingParams }} */
function readAuthor(writer) {
  check(isRecord(writer) && isRecord(writer.sampling));
  const { step, sampling } = writer;
  check(step === null || isNatural(step));
  const params = { temperature: number(sampling.temperature) };
  for (const name of /** @type {const} */ (["top_k", "top_p", "seed"])) {
    if (sampling[name] != null) Object.assign(params, { [name]: number(sampling[name]) });
  }
  return { session_id: text(writer.session_id), name: text(writer.name), step, params };
}

/** @param {unknown} token @param {number} writers */
function readToken(token, writers) {
  check(isRecord(token));
  const { id, writer, prob, picked, bytes } = token;
  check(bytes === undefined || (Array.isArray(bytes) && bytes.length <= config.text_file.field_max && bytes.every(isByte)));
  check(Number.isInteger(id) && isNatural(writer) && writer < writers && typeof picked === "boolean");
  check(prob === null || (typeof prob === "number" && prob >= 0 && prob <= 1));
  const shown = text(token.text);
  check(shown.length > 0);
  return { id, text: shown, bytes, prob, writer, isPicked: picked };
}

/** @param {SamplingParams} params @returns {Sampling} */
function readSampling({ temperature, top_k: topK, top_p: topP, seed }) {
  const { controls } = config;
  if (temperature === 0) return defaultSampling();
  return {
    pick: "sample",
    temperature: clampToRange(controls.temperature, temperature, 1),
    top_k: clampToRange(controls.top_k, topK, controls.top_k.default),
    top_p: clampToRange(controls.top_p, topP, controls.top_p.default),
    seed: clampSeed(seed),
  };
}

/** @param {unknown} condition @returns {asserts condition} */
function check(condition) {
  if (!condition) throw new UnreadableText("broken");
}

/** @param {unknown} value @returns {value is Record<string, any>} */
const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value @returns {value is number} */
const isNatural = (value) => Number.isSafeInteger(value) && Number(value) >= 0;

/** @param {unknown} value @returns {value is number} */
const isByte = (value) => isNatural(value) && value <= BYTE_MAX;

/** Whether a text holds no half of a code point.
 * @param {string} value */
const isWhole = (value) => !/\p{Cs}/u.test(value);

/** @param {unknown} value */
function text(value) {
  check(typeof value === "string" && isWhole(value) && characters(value).length <= config.text_file.field_max);
  return value;
}

/** @param {unknown} value */
function number(value) {
  check(typeof value === "number" && value >= 0);
  return value;
}
