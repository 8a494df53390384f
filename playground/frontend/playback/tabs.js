// Sessions by tab: each tab has its own, and the drawer uses that of the current tab.

/** @import { ActionDetail, PlayableSession } from "../types.js" */
/** @import { Input } from "./input.js" */
/** @import { Player } from "./player.js" */

import { getSession } from "../shared/client.js";
import { tabLabel } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";

/** A tab's session.
 * name: of one that may be renamed. newest: use the newest step of a model in training, even a later
 * one. ended: a live one's training was "stopped", or is "gone" with its model.
 * @typedef {Pick<ActionDetail, "name" | "step" | "newest" | "ended"> & { session_id: string }} TabSession */

export class Tabs {
  /** What a tab without a session can be given.
   * @type {{ session_id: string, step: number } | null} */
  default = null;
  #player;
  #input;
  #onError;
  #current = "library";
  /** @type {Map<string, TabSession | undefined>} */
  #sessions = new Map();
  /** Session details by id and name.
   * @type {Map<string, PlayableSession>} */
  #details = new Map();
  /** The tab that was left while playing; its session stays until the visitor decides.
   * @type {string | null} */
  #held = null;
  /** The session's example that was last written into the input. */
  #example = "";
  #latest = 0;

  /** @param {Player} player @param {Input} input @param {(error: unknown) => void} onError */
  constructor(player, input, onError) {
    this.#player = player;
    this.#input = input;
    this.#onError = onError;
  }

  get current() {
    return this.#current;
  }

  /** @param {string} tab */
  select(tab) {
    if (tab === this.#current) return;
    if (this.#player.playing) {
      this.#held = this.#current;
      this.#player.pause({
        text: translate("status.switch_back", { tab: tabLabel(this.#held) }),
        remedy: translate("status.use_instead", { tab: tabLabel(tab) }),
        locks: true,
      });
    }
    this.#current = tab;
    if (this.#held === tab) this.release();
    else if (this.#held === null) this.follow();
  }

  /** Set a tab's session; without a session_id the tab has none.
   * @param {Omit<ActionDetail, "action">} detail */
  setSession({ tab = this.#current, session_id: id, name, step, newest, ended }) {
    this.#sessions.set(tab, id ? { session_id: id, name, step, newest, ended } : undefined);
    if (tab === this.#current && this.#held === null) this.follow();
  }

  useDefault() {
    if (this.default) this.setSession({ tab: this.#current, ...this.default });
  }

  /** Give up the session of the tab that was left. */
  release() {
    if (this.#held === null) return;
    this.#held = null;
    this.#player.retry();
    this.follow();
  }

  /** Give the player the session of the current tab. The latest call wins. */
  async follow() {
    const call = ++this.#latest;
    const active = this.#sessions.get(this.#current);
    if (!active) return this.#player.setSession(null, null);
    try {
      const session = await this.#loadDetails(active);
      if (call !== this.#latest) return undefined;
      this.#setPlayerSession(session, active.step ?? session.step, active.newest);
      if (active.ended) this.#player.endTraining(active.ended === "gone");
    } catch (error) {
      if (call !== this.#latest) return undefined;
      if (active.ended !== "gone") return this.#onError(error);
      this.#player.setSession(null, null);
      this.#player.endTraining(true);
    }
    return undefined;
  }

  /** @param {TabSession} session @returns {Promise<PlayableSession>} */
  async #loadDetails({ session_id: id, name }) {
    const key = `${id} ${name}`;
    const cached = this.#details.get(key);
    if (cached?.vocabulary.length) return cached;
    const details = await getSession(id);
    const session = { ...details, known: new Set(details.vocabulary) };
    this.#details.set(key, session);
    return session;
  }

  /** An example that nobody changed is replaced by the next session's own.
   * @param {PlayableSession} session @param {number} step @param {boolean} [newest] */
  #setPlayerSession(session, step, newest) {
    const isUntouched = this.#input.text === this.#example;
    this.#player.setSession(session, step, newest);
    if (!isUntouched || !session.prompt || session.prompt === this.#example) return;
    this.#example = session.prompt;
    this.#input.write(session.prompt);
  }
}
