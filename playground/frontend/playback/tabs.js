// Sessions and texts by tab: each tab has its own, and the drawer uses those of the current tab.

/** @import { ActionDetail, Notice, PlayableSession, Session, TextState } from "../types.js" */
/** @import { Player } from "./player.js" */

import { getSession } from "../shared/client.js";
import { tabLabel } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { idsOf } from "../shared/session.js";
import { emptyHistory } from "./history.js";
import { goneNotice, reactTo } from "./failures.js";
import { start } from "./trace.js";
import { isTrained } from "./unknown.js";

export const TAB = "library"; // the tab that the page opens with

/** A tab's session.
 * name: of one that may be renamed. steps: of one in training, which grow. newest: use the newest step of a model in training, even a later
 * one. ended: a live one's training was "stopped", or is "gone" with its model. position: its place in
 * the queue, 0 once it starts; undefined where it doesn't wait. session: what is known of it already.
 * @typedef {Pick<ActionDetail, "name" | "step" | "steps" | "newest" | "ended" | "position" | "session"> & { session_id: string }} TabSession */

/** What each tab holds. held: the tab that was left while it played. examples: what the sessions'
 * examples wrote into the tabs' inputs.
 * @typedef {object} TabsState
 * @property {string} tab @property {string | null} held
 * @property {[string, TabSession][]} sessions but for that of the Library
 * @property {Map<string, TextState>} texts @property {[string, string][]} examples */

export class Tabs {
  /** What a tab without a session can be given.
   * @type {{ session_id: string, step: number } | null} */
  default = null;
  #player;
  #page;
  #current = TAB;
  /** @type {Map<string, TabSession | undefined>} */
  #sessions = new Map();
  /** Of the tabs that are not shown.
   * @type {Map<string, TextState>} */
  #texts = new Map();
  /** The tab whose text is shown. */
  #textTab = this.#current;
  /** Session details by id and name.
   * @type {Map<string, PlayableSession>} */
  #details = new Map();
  /** The tab that was left while playing; its session stays until the visitor decides.
   * @type {string | null} */
  #held = null;
  /** The session's example that was last written into the input, by tab.
   * @type {Map<string, string>} */
  #examples = new Map();
  #latest = 0;

  /** @param {Player} player
   * @param {object} page
   * @param {(error: unknown) => void} page.onError
   * @param {() => void} page.onLost called when the server gives no answer; `follow` tries again
   * @param {(session: PlayableSession) => void} page.onSession called before the player gets a session */
  constructor(player, page) {
    this.#player = player;
    this.#page = page;
  }

  get current() {
    return this.#current;
  }

  /** The tab whose session and text are shown. */
  get #shown() {
    return this.#held ?? this.#current;
  }

  /** Whether the text is more than an example that nobody changed. */
  get isTouched() {
    return this.#player.trace.steps.length > 0 || this.#player.trace.text !== (this.#examples.get(this.#textTab) ?? "");
  }

  /** The training steps of the current tab's model. */
  get steps() {
    return this.#sessions.get(this.#current)?.steps ?? this.#player.session?.steps ?? [];
  }

  /** Move the current tab's model to another training step.
   * @param {number} index among its steps */
  moveTo(index) {
    const active = this.#sessions.get(this.#current);
    if (active) this.setSession({ tab: this.#current, ...active, step: this.steps[index] });
  }

  /** @param {string} tab */
  select(tab) {
    if (tab === this.#current) return;
    if (this.#player.playing) {
      this.#held = this.#current;
      this.#player.pause(heldNotice(this.#held, tab));
    }
    this.#current = tab;
    if (this.#held === tab) this.release();
    else if (this.#held === null) this.follow();
  }

  /** Set a tab's session; without a session_id the tab has none.
   * @param {Omit<ActionDetail, "action">} detail */
  setSession({ tab = this.#current, session_id: id, ...detail }) {
    this.#sessions.set(tab, id ? { ...detail, session_id: id } : undefined);
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

  /** Give the player the session and the text of the current tab, or of the one that was left while
   * it played. The latest call wins. */
  async follow() {
    const call = ++this.#latest;
    const active = this.#sessions.get(this.#shown);
    this.#showText(this.#shown);
    if (!active) return this.#player.setSession(null, null);
    try {
      const session = await this.#loadDetails(active);
      if (call !== this.#latest) return undefined;
      this.#setPlayerSession(session, active.step ?? session.step, active.newest);
      const notice = this.#held === null ? noticeOf(active, session) : heldNotice(this.#held, this.#current);
      if (notice) this.#player.pause(notice);
    } catch (error) {
      if (call === this.#latest) this.#fail(error, active);
    }
    return undefined;
  }

  /** What each tab holds.
   * @returns {TabsState} */
  capture() {
    const { trace, history } = this.#player;
    return {
      tab: this.#current,
      held: this.#held,
      sessions: [...this.#sessions].flatMap(([tab, session]) => (session && tab !== TAB ? [[tab, storable(session)]] : [])),
      texts: new Map([...this.#texts, [this.#textTab, { trace, history }]]),
      examples: [...this.#examples],
    };
  }

  /** Replace what the tabs hold, but for the sessions that they have been given by now.
   * @param {TabsState} state */
  async restore({ tab, held = null, sessions = [], texts, examples }) { // earlier versions kept neither
    this.#current = tab;
    this.#held = held;
    for (const [name, session] of sessions) if (!this.#sessions.has(name)) this.#sessions.set(name, session);
    this.#texts = new Map(texts);
    this.#examples = new Map(examples);
    this.#textTab = this.#shown;
    this.#player.exchangeText(texts.get(this.#textTab) ?? emptyText());
    this.#texts.delete(this.#textTab);
    await this.follow();
  }

  /** @param {unknown} error @param {TabSession} active */
  #fail(error, { session: listed, step = 0, ended }) {
    const failure = asRequestError(error);
    const { effect, notice } = reactTo(failure, null);
    if (effect === "paused") {
      this.#player.setSession(null, null);
      const text = ended === "gone" ? translate("status.training_gone") : describeError(failure);
      this.#player.pause(goneNotice(text));
      return;
    }
    // What the list says of it, so that the drawer shows the one that was chosen.
    if (listed) this.#player.setSession({ ...listed, vocabulary: [], known: new Map() }, step);
    this.#player.pause(notice);
    this.#page.onError(error);
    this.#page.onLost();
  }

  /** @param {string} tab */
  #showText(tab) {
    if (tab === this.#textTab) return;
    const text = this.#texts.get(tab) ?? emptyText();
    this.#texts.set(this.#textTab, this.#player.exchangeText(text));
    this.#texts.delete(tab);
    this.#textTab = tab;
  }

  /** @param {TabSession} session @returns {Promise<PlayableSession>} */
  async #loadDetails({ session_id: id, name }) {
    const key = `${id} ${name}`;
    const cached = this.#details.get(key);
    if (cached && isTrained(cached)) return cached;
    const details = await getSession(id);
    const session = { ...details, known: idsOf(details.vocabulary) };
    this.#details.set(key, session);
    return session;
  }

  /** An example that nobody changed is replaced by the next session's own.
   * @param {PlayableSession} session @param {number | null} step @param {boolean} [newest] */
  #setPlayerSession(session, step, newest) {
    const { isTouched } = this;
    this.#page.onSession(session);
    this.#player.setSession(session, step, newest);
    if (isTouched || !session.prompt || session.prompt === this.#player.trace.text) return;
    this.#examples.set(this.#textTab, session.prompt);
    this.#player.exchangeText({ trace: start(session.prompt), history: emptyHistory });
  }
}

/** @returns {TextState} */
const emptyText = () => ({ trace: start(""), history: emptyHistory });

/** What is kept of a tab's session: its details and its steps are asked for again.
 * @param {TabSession} session @returns {TabSession} */
const storable = ({ session_id, name, step, newest, ended }) => ({ session_id, name, step, newest, ended });

/** That a tab was left while it played.
 * @param {string} held @param {string} current @returns {Notice} */
const heldNotice = (held, current) => ({
  text: translate("status.switch_back", { tab: tabLabel(held) }),
  remedy: translate("status.use_instead", { tab: tabLabel(current) }),
  locks: true,
});

/** What is to be said of a live training's session that can't be played with, or no longer changes.
 * @param {TabSession} active @param {Session} session @returns {Notice | null} */
function noticeOf({ ended, position }, session) {
  if (ended === "gone") return goneNotice(translate("status.training_gone"));
  if (ended === "stopped") return { text: translate("status.training_stopped") };
  if (position === undefined || session.params !== null) return null;
  const text = position > 0 ? translate("status.queued", { position }) : translate("status.starting");
  return { text, waits: true, tone: "" };
}
