// The moment that the page is at: texts with their history, model, settings and place. It survives a
// reload, Back and Forward, and a look at the tutorial. Candidates are not kept: the API is asked again.

/** @import { Author, History, Sampling, Session, TextState, Token, Trace } from "../types.js" */
/** @import { Player } from "./player.js" */

import { MomentStorage } from "../shared/momentStorage.js";
import { emptyHistory } from "./history.js";
import { restore as restoreTrace, start, wasChosen } from "./trace.js";

const SAVE_MS = 500; // between two savings
const KEPT_CHANGES = 30; // of a history, in storage

/** @typedef {{ prompt: string, tokens: [number, string][], chosen: number[], authors: Author[], by: number[] }} StoredTrace
 * @typedef {{ trace: StoredTrace, past: StoredTrace[], future: StoredTrace[] }} StoredText
 * @typedef {object} Moment
 * @property {string} tab
 * @property {[string, StoredText][]} texts
 * @property {[string, string][]} examples
 * @property {{ session_id: string, step: number } | null} library what is chosen there
 * @property {Sampling} sampling @property {number} seed @property {number} intervalMs
 * @property {boolean} isDrawerOpen
 * @property {boolean} isSamplingOwn whether the visitor, or a link, has set it
 * @property {string | null} lesson
 * @property {Moment | null} beforeLessons */

/** The parts of the page that a moment is captured from, and restored to.
 * @typedef {object} Parts
 * @property {Player} player
 * @property {import("./tabs.js").Tabs} tabs
 * @property {import("../library/library.js").Library} library
 * @property {{ isOpen: boolean, setOpen: (isOpen: boolean) => void }} drawer
 * @property {{ lesson: string | null }} guide
 * @property {{ isOwn: boolean, show: () => void }} settings
 * @property {(sessionId: string) => Promise<Session | null>} findSession one that the Library doesn't list
 * @property {(tab: string) => void} openTab */

export class Moments {
  #parts;
  #storage = new MomentStorage();
  #timer = 0;
  /** The last that was saved, as JSON. */
  #saved = "";
  #isReady = false;
  /** @type {Moment | null} */
  #beforeLessons = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    addEventListener("pagehide", () => this.#save());
    document.addEventListener("visibilitychange", () => document.hidden && this.#save());
  }

  /** The moment that this page was left at, or null on a first visit.
   * @returns {Moment | null} */
  read() {
    return this.#storage.read();
  }

  /** Save from now on: the page shows what its address or its moment asks for. */
  begin() {
    this.#isReady = true;
    this.draw();
  }

  /** Called at every change of the player. */
  draw() {
    if (!this.#isReady || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#save();
    }, SAVE_MS);
  }

  /** Keep the moment before the tutorial changes it, unless there is nothing to keep. */
  beginLessons() {
    if (this.#isReady && this.#parts.tabs.isTouched) this.#beforeLessons = this.#capture();
  }

  /** Return to the moment before the tutorial. */
  async endLessons() {
    const moment = this.#beforeLessons;
    this.#beforeLessons = null;
    if (moment) await this.restore(moment);
    this.draw();
  }

  /** @param {Moment} moment */
  async restore(moment) {
    const { player, tabs, library, drawer, settings, findSession, openTab } = this.#parts;
    drawer.setOpen(moment.isDrawerOpen);
    this.#beforeLessons = moment.beforeLessons;
    player.setInterval(moment.intervalMs);
    player.seed = moment.seed;
    player.setSampling(moment.sampling);
    settings.isOwn = moment.isSamplingOwn;
    settings.show();
    openTab(moment.tab);
    const chosen = moment.library;
    if (chosen && !library.has(chosen.session_id)) {
      const session = await findSession(chosen.session_id);
      if (session) library.add(session, false);
    }
    tabs.restoreTexts(new Map(moment.texts.map(([tab, text]) => [tab, decodeText(text)])), moment.examples);
    if (chosen) library.choose(chosen.session_id, chosen.step);
    await tabs.follow();
  }

  /** @returns {Moment} */
  #capture() {
    const { player, tabs, library, drawer, guide, settings } = this.#parts;
    return {
      tab: tabs.current,
      texts: [...tabs.captureTexts()].map(([tab, text]) => [tab, encodeText(text)]),
      examples: tabs.examples,
      library: library.place,
      sampling: player.sampling,
      seed: player.seed,
      intervalMs: player.intervalMs,
      isDrawerOpen: drawer.isOpen,
      isSamplingOwn: settings.isOwn,
      lesson: guide.lesson,
      beforeLessons: this.#beforeLessons,
    };
  }

  #save() {
    if (!this.#isReady) return;
    const moment = this.#capture();
    const json = JSON.stringify(moment);
    if (json === this.#saved) return;
    this.#saved = json;
    this.#storage.write(json, () => JSON.stringify(withoutHistory(moment)));
  }
}

/** @param {TextState} text @returns {StoredText} */
const encodeText = ({ trace, history: { past, future } }) => ({
  trace: encodeTrace(trace),
  past: past.slice(-KEPT_CHANGES).map(encodeTrace),
  future: future.slice(-KEPT_CHANGES).map(encodeTrace),
});

/** @param {StoredText} stored @returns {TextState} */
function decodeText({ trace, past, future }) {
  /** @type {History} */
  const history = { ...emptyHistory, past: past.map(decodeTrace), future: future.map(decodeTrace) };
  return { trace: decodeTrace(trace), history };
}

/** @param {Trace} trace @returns {StoredTrace} */
export function encodeTrace({ text, steps }) {
  /** @type {Author[]} */
  const authors = [];
  const by = steps.map((step) => {
    const index = authors.findIndex((author) => isSameAuthor(author, step.by));
    return index < 0 && step.by ? authors.push(step.by) - 1 : index;
  });
  return {
    prompt: text,
    tokens: steps.map((step) => [step.id, step.text]),
    chosen: steps.flatMap((step, index) => (wasChosen(step) ? [index] : [])),
    authors,
    by,
  };
}

/** @param {StoredTrace} stored @returns {Trace} */
export function decodeTrace({ prompt, tokens, chosen, authors, by }) {
  if (tokens.length === 0) return start(prompt);
  /** @type {Token[]} */
  const decoded = tokens.map(([id, text]) => ({ id, text }));
  return restoreTrace(prompt, decoded, chosen, by.map((index) => authors[index]));
}

/** @param {Author} author @param {Author | undefined} other */
const isSameAuthor = (author, other) =>
  other !== undefined && author.session_id === other.session_id && author.step === other.step;

/** @param {Moment} moment @returns {Moment} */
const withoutHistory = (moment) => ({
  ...moment,
  texts: moment.texts.map(([tab, { trace }]) => [tab, { trace, past: [], future: [] }]),
});
