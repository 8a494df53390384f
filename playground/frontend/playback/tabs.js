// Which session the drawer uses: each tab has its own, and the current tab's is the one.

import * as client from "../shared/client.js";
import { say } from "../shared/messages.js";

export class Tabs {
  default = null; // {session_id, step}: what a tab without a session can be given
  #player;
  #input;
  #trouble;
  #current = "library";
  #sessions = new Map(); // tab → {session_id, name, step, newest, ended}
  #details = new Map(); // session_id and name → session, with its vocabulary
  #held = null; // the tab that was left while playing
  #example = ""; // the last one that was written into the input
  #wanted = 0;

  constructor(player, input, trouble) {
    this.#player = player;
    this.#input = input;
    this.#trouble = trouble;
  }

  get current() {
    return this.#current;
  }

  select(tab) {
    if (tab === this.#current) return;
    if (this.#player.playing) {
      this.#held = this.#current;
      this.#player.pause({
        text: say("status.switch_back", { tab: label(this.#held) }),
        remedy: say("status.use_instead", { tab: label(tab) }),
        locks: true,
      });
    }
    this.#current = tab;
    if (this.#held === tab) this.release();
    else if (this.#held === null) this.follow();
  }

  /** name: of one that may be renamed.
   * newest: of one that learns, its newest step, even if that is a later one by then.
   * ended: of a live one, "stopped", or "gone" where nothing is left to play with. */
  setSession({ tab, session_id, name, step, newest, ended }) {
    this.#sessions.set(tab, session_id ? { session_id, name, step, newest, ended } : undefined);
    if (tab === this.#current && this.#held === null) this.follow();
  }

  useDefault() {
    if (this.default) this.setSession({ tab: this.#current, ...this.default });
  }

  /** No longer wait for the tab that was left. */
  release() {
    if (this.#held === null) return;
    this.#held = null;
    this.#player.retry();
    this.follow();
  }

  /** Give the drawer the session of the current tab. The latest call wins. */
  async follow() {
    const wanted = ++this.#wanted;
    const active = this.#sessions.get(this.#current);
    if (!active) return this.#player.setSession(null, null);
    try {
      const session = await this.#detail(active);
      if (wanted !== this.#wanted) return;
      this.#hand_over(session, active.step ?? session.step, active.newest);
      if (active.ended) this.#player.end(active.ended === "gone");
    } catch (failure) {
      if (wanted !== this.#wanted) return;
      if (active.ended !== "gone") return this.#trouble(failure);
      this.#player.setSession(null, null);
      this.#player.end(true);
    }
  }

  async #detail({ session_id, name }) {
    const key = `${session_id} ${name}`;
    let session = this.#details.get(key);
    if (!session?.vocabulary.length) {
      session = await client.session(session_id);
      session.known = new Set(session.vocabulary);
      this.#details.set(key, session);
    }
    return session;
  }

  /** An example that nobody has touched gives way to the next model's own. */
  #hand_over(session, step, newest) {
    const untouched = this.#input.text === this.#example;
    this.#player.setSession(session, step, newest);
    if (!untouched || !session.prompt || session.prompt === this.#example) return;
    this.#example = session.prompt;
    this.#input.write(session.prompt);
  }
}

/** What a tab is called on the page. */
const label = (tab) => document.getElementById(`tab-${tab}-button`).textContent.trim();
