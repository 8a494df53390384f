// The moment that the page is at: texts with their history, model, settings and place. It survives a
// reload, Back and Forward, and a look at the tutorial. Candidates are not kept: the API is asked again.

/** @import { Author, History, Sampling, TextState, Trace } from "../types.js" */
/** @import { CheckpointRef } from "../sharing/restoration.js" */
/** @import { Player } from "./player.js" */
/** @import { StoredBranches, StoredEarlier, StoredToken } from "./storedBranches.js" */
/** @import { TabSession } from "./tabs.js" */

import { MomentStorage } from "../shared/momentStorage.js";
import { emptyHistory } from "./history.js";
import { decodeBranches, decodeEarlier, decodeStoredToken, encodeAuthors, encodeBranches, encodeEarlier, rounded, encodeStoredToken } from "./storedBranches.js";
import { NO_BRANCHES, probOf, restore as restoreTrace, start, wasChosen } from "./trace.js";

const SAVE_MS = 500; // between two savings

/** @typedef {{ prompt: string, tokens: StoredToken[], chosen: number[], authors: Author[], by: number[], odds?: (number | null)[] }} StoredTrace
 * @typedef {{ trace: StoredTrace, past: StoredTrace[], future: StoredTrace[], branches?: StoredBranches, earlier?: StoredEarlier }} StoredText
 * @typedef {object} Moment
 * @property {string} tab
 * @property {string | null} held the tab that was left while it played
 * @property {[string, TabSession][]} sessions of the tabs; the Library's is its place
 * @property {[string, StoredText][]} texts
 * @property {[string, string][]} examples
 * @property {CheckpointRef | null} library what is chosen there
 * @property {Sampling} sampling @property {number} seed @property {number} intervalMs
 * @property {boolean} isDrawerOpen
 * @property {boolean} isSamplingOwn whether the visitor, or a link, has set it
 * @property {string | null} lesson
 * @property {string | null} explore the panel that is open
 * @property {Moment | null} beforeLessons */

/** The parts of the page that a moment is captured from, and restored to.
 * @typedef {object} Parts
 * @property {Player} player
 * @property {import("./tabs.js").Tabs} tabs
 * @property {import("../library/library.js").Library} library
 * @property {{ isOpen: boolean }} drawer
 * @property {{ lesson: string | null }} guide
 * @property {{ isOwn: boolean }} settings
 * @property {import("../explore/explore.js").Explore} explore
 * @property {import("../sharing/restoration.js").Restoration} restoration */

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
    this.#beforeLessons = moment.beforeLessons;
    await this.#parts.restoration.restore({ ...moment, checkpoint: moment.library ?? {} }, () => {
      const texts = new Map(moment.texts.map(([tab, text]) => [tab, decodeTextState(text)]));
      return this.#parts.tabs.restore({ ...moment, texts });
    });
  }

  /** @returns {Moment} */
  #capture() {
    const { player, tabs, library, drawer, guide, settings, explore } = this.#parts;
    const { texts, ...places } = tabs.capture();
    return {
      ...places,
      texts: [...texts].map(([tab, text]) => [tab, encodeTextState(text)]),
      library: library.checkpoint,
      sampling: player.sampling,
      seed: player.seed,
      intervalMs: player.intervalMs,
      isDrawerOpen: drawer.isOpen,
      isSamplingOwn: settings.isOwn,
      lesson: guide.lesson,
      explore: explore.moment,
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
export function encodeTextState({ trace, history }) {
  const { changes: [past, future], earlier } = encodeEarlier(trace.branches, [history.past, history.future]);
  return {
    trace: encodeTrace(trace),
    past: past.map(encodeTrace),
    future: future.map(encodeTrace),
    branches: encodeBranches(trace.branches),
    earlier,
  };
}

/** @param {StoredText} stored @returns {TextState} */
export function decodeTextState({ trace, past, future, branches: stored, earlier }) {
  const branches = stored ? decodeBranches(stored) : NO_BRANCHES; // earlier versions had none
  const branchesOf = decodeEarlier(branches, earlier);
  const decode = (/** @type {StoredTrace} */ one, /** @type {number} */ index) => ({ ...decodeTrace(one), branches: branchesOf(index) });
  /** @type {History} */
  const history = { ...emptyHistory, past: past.map(decode), future: future.map((one, index) => decode(one, past.length + index)) };
  return { trace: { ...decodeTrace(trace), branches }, history };
}

/** @param {Trace} trace @returns {StoredTrace} */
export function encodeTrace({ text, steps }) {
  return {
    prompt: text,
    tokens: steps.map(encodeStoredToken),
    chosen: steps.flatMap((step, index) => (wasChosen(step) ? [index] : [])),
    ...encodeAuthors(steps),
    odds: steps.map((step) => rounded(probOf(step))),
  };
}

/** @param {StoredTrace} stored @returns {Trace} */
export function decodeTrace({ prompt, tokens, chosen, authors, by, odds: probs }) {
  if (tokens.length === 0) return start(prompt);
  return restoreTrace(prompt, tokens.map(decodeStoredToken), chosen, by.map((index) => authors[index]), probs);
}

/** @param {Moment} moment @returns {Moment} */
const withoutHistory = (moment) => ({
  ...moment,
  texts: moment.texts.map(([tab, text]) => [tab, { ...text, past: [], future: [], earlier: undefined }]),
});
