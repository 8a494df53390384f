// A text as a file: as JSON that can be sent to the API again, and its distributions as CSV.
// Pure: no DOM, no network. page/text_file.py describes the JSON.

/** @import { ScoreResponse, Step, Token } from "../../types.js" */
/** @import { ReproducedToken, Writer } from "./reproduce.js" */

import { textOf } from "../../playback/tokens.js";
import { config } from "../../shared/config.js";
import { modelOf } from "../../shared/session.js";

const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u2800\u3164\u115f\u1160\uffa0]/gu;
const HEXADECIMAL = 16;
const UNIT_DIGITS = 4;
const NAME_MAX = 40;

/** @typedef {{ prompt: Token[], tokens: ReproducedToken[], now: Writer }} Written now: the model and the settings on screen */

/** The text as the value of a JSON file.
 * @param {Written} written @param {string} schema its address */
export function textFile({ prompt, tokens, now }, schema) {
  const writers = [...new Set([now, ...tokens.map(({ writer }) => writer)])];
  return {
    $schema: schema,
    ...config.text_file.format,
    prompt: textOf(prompt),
    prompt_ids: prompt.map(({ id, text }) => (id < 0 ? now.session?.known.get(text) ?? -1 : id)),
    writers: writers.map(({ session, author: { session_id: id, name, step, params } }) => ({
      session_id: id,
      model: session ? modelOf(session) : id,
      name,
      revision: session?.revision ?? null,
      step,
      sampling: params,
    })),
    tokens: tokens.map(({ step: { position, id, text, bytes, prob }, writer, isPicked }) =>
      ({ position, id, text, ...(bytes && { bytes }), prob, writer: writers.indexOf(writer), picked: isPicked })),
  };
}

/** A row of the CSV.
 * @typedef {{ position: number, kind: string, id: number, text: string, prob: number | null, temperature: number, candidates: { token: string, prob: number }[], other: number | null }} Row */

/** The distributions: of each token of the prompt as the model scores it, at temperature 1; of each
 * that was written, and the next one, as it was weighed. Tokens are JSON strings: no spreadsheet takes
 * one for a formula or a number, and what is invisible is escaped.
 * @param {Written & { next: Step | null, scored: ScoreResponse["tokens"] }} written
 *   scored: the last tokens of the prompt, with their positions in it */
export function distributions({ tokens, next, scored, now }) {
  const known = now.session?.known;
  /** @type {Row[]} */
  const rows = scored.map(({ position, token, logprob, candidates, other }) => ({
    position, kind: "prompt", id: known?.get(token) ?? -1, text: token, prob: logprob === null ? null : Math.exp(logprob),
    temperature: 1, candidates, other: other?.prob ?? null,
  }));
  rows.push(...tokens.map(({ step, writer, isPicked }) => rowOf(step, isPicked ? "picked" : "chosen", writer)));
  if (next) rows.push(rowOf(next, "next", now));
  const count = Math.max(0, ...rows.map(({ candidates }) => candidates.length));
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const head = ["position", "kind", "id", "token", "prob", "temperature", ...numbers.flatMap((number) => [`token_${number}`, `prob_${number}`]), "other"];
  const lines = rows.map(({ position, kind, id, text, prob, temperature, candidates, other }) => [
    position, kind, id, visibleJson(text), prob ?? "", temperature,
    ...numbers.flatMap((number) => {
      const candidate = candidates[number - 1];
      return candidate ? [visibleJson(candidate.token), candidate.prob] : ["", ""];
    }),
    other ?? "",
  ]);
  return [head, ...lines].map((cells) => cells.map(quoted).join(",") + "\r\n").join("");
}

/** @param {Step} step @param {string} kind @param {Writer} writer @returns {Row} */
const rowOf = ({ position, id, text, prob, candidates, other }, kind, { author: { params } }) => ({
  position, kind, id, text, prob,
  temperature: params.temperature || 1, // of the top choice, the bars are those of temperature 1
  candidates: candidates.map((candidate) => ({ token: candidate.text, prob: candidate.prob })),
  other: other?.prob ?? null,
});

/** The name of a file for a text of a model.
 * @param {string} model @param {Date} date @param {string} ending */
export function fileName(model, date, ending) {
  const time = date.toISOString().slice(0, "2026-01-01T00:00:00".length).replace(/\D/g, "");
  return `${model.replace(/[^\w-]+/g, "-").slice(0, NAME_MAX) || "text"}-${time}.${ending}`;
}

/** @param {string} text */
const visibleJson = (text) => JSON.stringify(text).replace(INVISIBLE, (character) =>
  Array.from({ length: character.length }, (_, index) => "\\u" + character.charCodeAt(index).toString(HEXADECIMAL).padStart(UNIT_DIGITS, "0")).join(""));

/** @param {string | number} cell */
const quoted = (cell) => (/[",]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));
