// The fields that say what writes in the lower lane: a model with the tokens of the one on screen, a
// training step, and how it picks.
//
// State: step, temperature (0: the top choice) and the session's name, with ~ between them.

/** @import { ExploreContext, PlayableSession, Session, SessionDetails } from "../../types.js" */
/** @import { Lane } from "./lockstep.js" */

import { clampToRange, samplingParams } from "../../playback/sampling.js";
import { findSession, findSessions, tokenize } from "../../shared/client.js";
import { config } from "../../shared/config.js";
import { createElement, find } from "../../shared/dom.js";
import { formatNumber } from "../../shared/messages.js";
import { asRequestError } from "../../shared/requestError.js";
import { sessionName } from "../../shared/session.js";

const STATE = /^(\d+)~(\d+(?:\.\d+)?)~([\w.-]+)$/;

export class LaneForm {
  #context;
  #form;
  /** Those with the same tokens, by their ids.
   * @type {Map<string, PlayableSession>} */
  #sessions = new Map();
  #temperature = config.controls.temperature.default;
  /** Of the text's model, whose tokens the others have.
   * @type {string | null} */
  #own = null;
  #latest = 0;

  /** @param {HTMLElement} panel @param {ExploreContext} context @param {() => void} onChange */
  constructor(panel, context, onChange) {
    this.#context = context;
    this.#form = find(panel, "form", HTMLFormElement);
    const { low, high, step } = config.controls.temperature;
    Object.assign(this.#fields.temperature, { min: low, max: high, step });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("change", ({ target }) => {
      const { model, temperature } = this.#fields;
      if (target === model) this.#drawSteps(null);
      this.#temperature = clampToRange(config.controls.temperature, temperature.valueAsNumber, this.#temperature);
      this.#draw();
      onChange();
    });
  }

  /** What writes in the lower lane; null while it isn't known.
   * @returns {Lane | null} */
  get lane() {
    const { model, step, pick } = this.#fields;
    const session = this.#sessions.get(model.value);
    const { sampling, seed, session: own } = this.#context.player;
    if (!session || own?.session_id !== this.#own || step.value === "") return null;
    const settings = { ...sampling, pick: /** @type {"top" | "sample"} */ (pick.value), temperature: this.#temperature };
    return { session, step: Number(step.value), params: samplingParams(settings, seed) };
  }

  get state() {
    const { model, step, pick } = this.#fields;
    const state = [step.value, pick.value === "top" ? 0 : this.#temperature, model.value].join("~");
    return STATE.test(state) ? state : "";
  }

  /** Offer what can write in the lower lane. Rejects with RequestError.
   * @param {string} state */
  async open(state) {
    const call = ++this.#latest;
    const { session, sampling, step, trace } = this.#context.player;
    if (!session) return;
    const [, linkedStep, temperature, id] = STATE.exec(state) ?? [];
    const isKept = !state && this.#own === session.session_id && this.#fields.model.value !== "";
    const sessions = await sessionsLike(session, this.#context.getSessions(), session.prompt + trace.text);
    if (call !== this.#latest) return;
    const chosen = isKept ? this.#fields.model.value : id;
    const keptStep = isKept ? Number(this.#fields.step.value) : null;
    this.#own = session.session_id;
    this.#sessions = new Map(sessions.map((one) => [one.session_id, one]));
    const { model, pick } = this.#fields;
    model.replaceChildren(...sessions.map((one) => option(one.session_id, sessionName(one))));
    model.value = this.#sessions.has(chosen ?? "") ? chosen ?? "" : session.session_id;
    this.#drawSteps(keptStep ?? (linkedStep === undefined ? otherStep(sessions[0], step) : Number(linkedStep)));
    if (temperature !== undefined) {
      pick.value = Number(temperature) === 0 ? "top" : "sample";
      if (Number(temperature) > 0) this.#temperature = clampToRange(config.controls.temperature, Number(temperature), this.#temperature);
    } else if (!isKept) {
      pick.value = sampling.pick;
      this.#temperature = sampling.temperature;
    }
    this.#draw();
  }

  /** @param {number | null} chosen the last one by default */
  #drawSteps(chosen) {
    const { model, step } = this.#fields;
    const { steps = [] } = this.#sessions.get(model.value) ?? {};
    step.replaceChildren(...steps.map((one) => option(String(one), formatNumber(one))));
    step.value = String(chosen !== null && steps.includes(chosen) ? chosen : steps.at(-1) ?? "");
  }

  #draw() {
    const { pick, temperature } = this.#fields;
    temperature.disabled = pick.value === "top";
    temperature.value = String(this.#temperature);
  }

  /** @returns {{ model: HTMLSelectElement, step: HTMLSelectElement, pick: HTMLSelectElement, temperature: HTMLInputElement }} */
  get #fields() {
    return /** @type {any} */ (this.#form.elements);
  }
}

/** The sessions with the tokens of one, itself first.
 * @param {PlayableSession} session @param {Session[]} listed @param {string} text that the session can read */
async function sessionsLike(session, listed, text) {
  const { session_id: id, tokenizer, vocab_size: size } = session;
  const now = (session.source === "live" ? await findSession(id) : null) ?? session; // it learns on: its steps grow
  const alike = listed.filter((one) =>
    one.session_id !== id && one.tokenizer === tokenizer && one.vocab_size === size && one.steps.length > 0);
  const details = await findSessions(alike.map((one) => one.session_id));
  const same = tokenizer === "tokens" ? await withSameTokens(session, details, text) : details.filter(({ vocabulary }) =>
    vocabulary.length === size && vocabulary.every((character, index) => character === session.vocabulary[index]));
  return [{ ...session, steps: now.steps }, ...same.map((one) => ({ ...one, known: session.known }))];
}

/** Those whose tokens of a text are those of a session. No list of pieces is sent, for it is long; the
 * server makes sure of all of them when it compares.
 * @param {PlayableSession} session @param {SessionDetails[]} others @param {string} text */
async function withSameTokens(session, others, text) {
  const [own, ...theirs] = await Promise.all([session, ...others].map(({ session_id: id }) => tokenIds(id, text)));
  return others.filter((_, index) => own !== null && own === theirs[index]);
}

/** The ids of a text's tokens, as one string; null where a model can't read it.
 * @param {string} id @param {string} text */
async function tokenIds(id, text) {
  try {
    const { tokens } = await tokenize({ session_id: id, text });
    return tokens.map((token) => token.id).join();
  } catch (error) {
    if (asRequestError(error).kind !== "http") throw error;
    return null;
  }
}

/** The training step before the one on screen, or after the first: the same one would write the same.
 * @param {Session} session @param {number | null} step */
function otherStep({ steps }, step) {
  const index = step === null ? steps.length - 1 : steps.indexOf(step);
  return steps[index > 0 ? index - 1 : index + 1] ?? steps[0] ?? null;
}

/** @param {string} value @param {string} text */
function option(value, text) {
  const element = createElement("option", "", text);
  element.value = value;
  return element;
}
