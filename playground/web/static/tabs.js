// Which session the drawer uses: each tab has its own, and the current tab's is the one.

import * as client from "./client.js";

export class Tabs {
  default = null; // {session_id, step}: what a tab without a session can be given
  #player;
  #input;
  #trouble;
  #current = "Library";
  #sessions = new Map(); // tab → {session_id, step}
  #details = new Map(); // session_id → session, with its vocabulary
  #held = null; // the tab that was left while playing
  #wanted = 0;

  constructor(player, input, trouble) {
    this.#player = player;
    this.#input = input;
    this.#trouble = trouble;
  }

  select(tab) {
    if (tab === this.#current) return;
    if (this.#player.playing) {
      this.#held = this.#current;
      this.#player.pause({
        text: `⚠️ Switch back to ${this.#held} to continue`,
        remedy: `Use ${tab} instead`,
        locks: true,
      });
    }
    this.#current = tab;
    if (this.#held === tab) this.release();
    else if (this.#held === null) this.follow();
  }

  setSession({ tab, session_id, step }) {
    this.#sessions.set(tab, session_id ? { session_id, step } : undefined);
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
      const session = await this.#detail(active.session_id);
      if (wanted === this.#wanted) this.#hand_over(session, active.step ?? session.step);
    } catch (failure) {
      if (wanted === this.#wanted) this.#trouble(failure);
    }
  }

  async #detail(session_id) {
    let session = this.#details.get(session_id);
    if (!session?.vocabulary.length) {
      session = await client.session(session_id);
      session.known = new Set(session.vocabulary);
      this.#details.set(session_id, session);
    }
    return session;
  }

  /** An example that nobody has touched gives way to the next model's own. */
  #hand_over(session, step) {
    const example = this.#player.session?.prompt ?? "";
    const untouched = this.#input.text === example;
    this.#player.setSession(session, step);
    if (untouched && session.prompt && session.prompt !== example) this.#input.write(session.prompt);
  }
}
