// The text on screen as a file: text, JSON, CSV; and its bars as a picture.

/** @import { ScoreResponse, Trace } from "../../types.js" */
/** @import { Player } from "../../playback/player.js" */
/** @import { Writer } from "./reproduce.js" */

import { scoreBody } from "../../playback/stepRequest.js";
import { position, rest, scoredFrom, text as textOf } from "../../playback/trace.js";
import { score } from "../../shared/client.js";
import { closestTarget, createElement } from "../../shared/dom.js";
import { LatestRequest } from "../../shared/latestRequest.js";
import { formatNumber, translate } from "../../shared/messages.js";
import { sessionName } from "../../shared/session.js";
import { barsSvg } from "./barsSvg.js";
import { distributions, fileName, textFile } from "./exports.js";
import { nextStep, reproduce } from "./reproduce.js";
import { StatusLine } from "./statusLine.js";
import { api, writerOf } from "./writtenText.js";

const PNG_SCALE = 2;
const REVOKE_MS = 60_000;

/** @typedef {"txt" | "json" | "csv" | "svg" | "png"} Ending
 * @typedef {Writer & { session: import("../../types.js").PlayableSession }} Now */

/** @type {Record<Ending, string>} */
const TYPES = { txt: "text/plain;charset=utf-8", json: "application/json", csv: "text/csv;charset=utf-8", svg: "image/svg+xml", png: "image/png" };

export class FileSaver {
  #player;
  #schema;
  #statusLine;
  /** @type {HTMLButtonElement[]} */
  #buttons;
  #request = new LatestRequest();

  /** @param {HTMLElement} panel @param {Player} player @param {string} schema address of the JSON's */
  constructor(panel, player, schema) {
    this.#player = player;
    this.#schema = schema;
    this.#statusLine = new StatusLine(panel, "files");
    this.#buttons = [...panel.querySelectorAll("button")].filter((button) => button.dataset.save);
    panel.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-save]");
      if (button) this.#save(/** @type {Ending} */ (button.dataset.save));
    });
  }

  /** @param {Player} player */
  draw(player) {
    const now = writerOf(player);
    const hasBars = Boolean(player.next?.candidates.length) && !player.isStale;
    for (const button of this.#buttons) {
      const { save = "" } = button.dataset;
      button.disabled = save === "txt" ? player.length === 0 : !now || (["svg", "png"].includes(save) && !hasBars);
    }
  }

  /** @param {Ending} ending */
  async #save(ending) {
    this.#statusLine.show(translate("keep.saving"));
    try {
      const content = await this.#request.send((signal) => this.#content(ending, signal));
      if (content === null) return;
      const name = fileName(this.#player.session?.name ?? "", new Date(), ending);
      download(new Blob([content], { type: TYPES[ending] }), name);
      this.#statusLine.show(translate("keep.saved", { name }));
    } catch (error) {
      this.#statusLine.fail(error);
    }
  }

  /** @param {Ending} ending @param {AbortSignal} signal @returns {Promise<string | Blob>} */
  async #content(ending, signal) {
    const { trace } = this.#player;
    const now = writerOf(this.#player);
    if (ending === "txt" || !now) return textOf(trace).join("");
    if (ending === "svg") return this.#picture(now);
    if (ending === "png") return toPng(this.#picture(now));
    const tokens = await reproduce(api, trace, now, signal);
    const { prompt } = trace;
    if (ending === "json") return JSON.stringify(textFile({ prompt, tokens, now }, this.#schema), null, 1);
    const next = await nextStep(api, trace, now, signal);
    return distributions({ prompt, tokens, now, next, scored: await scorePrompt(trace, now) });
  }

  /** @param {Now} now */
  #picture({ session, author: { step, params } }) {
    const { next, trace, caret } = this.#player;
    if (!next) return "";
    const { temperature, top_k: topK = 0, top_p: topP = 1, seed } = params;
    const settings = temperature === 0
      ? translate("keep.note_top")
      : translate("keep.note_sample", { temperature: formatNumber(temperature), top_k: topK, top_p: formatNumber(topP), seed: String(seed) });
    const note = [sessionName(session), step === null ? "" : translate("keep.step", { step }), settings].filter(Boolean).join(" · ");
    const words = { next: translate("keep.picture"), other: translate("keep.other", { count: rest(next).count }) };
    return barsSvg(next, textOf(trace).slice(0, caret ?? position(trace)), note, words);
  }
}

/** The last tokens of a prompt as the model scores them: where each has the whole window before it.
 * @param {Trace} trace @param {Now} now @returns {Promise<ScoreResponse["tokens"]>} */
async function scorePrompt(trace, { session, author: { step } }) {
  const end = trace.prompt.length;
  const from = scoredFrom(trace, end);
  const { tokens } = await score(scoreBody({ session, step }, trace, from, end));
  const before = end - tokens.length; // of tokens that are left out
  const first = from > 0 ? session.block_size ?? 0 : 0;
  return tokens.slice(first).map((token) => ({ ...token, position: token.position + before }));
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = createElement("a");
  const address = URL.createObjectURL(blob);
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), REVOKE_MS);
}

/** @param {string} svg @returns {Promise<Blob>} */
async function toPng(svg) {
  const image = new Image();
  await new Promise((resolve, reject) => {
    image.addEventListener("load", resolve);
    image.addEventListener("error", () => reject(new Error("the picture can't be drawn")));
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  });
  const canvas = createElement("canvas");
  Object.assign(canvas, { width: PNG_SCALE * image.width, height: PNG_SCALE * image.height });
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is empty"))), TYPES.png);
  });
}
