// Loads the sessions of the Library, and updates the visitor's own ones among them.

/** @import { Session } from "../types.js" */
/** @import { Library } from "./library.js" */
/** @import { Tabs } from "../playback/tabs.js" */

import { host } from "../embed/host.js";
import { getSessions } from "../shared/client.js";
import { config } from "../shared/config.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { hasModel } from "../shared/session.js";
import { getKeptSessions } from "../training/trainingApi.js";

export class SessionLoader {
  #library;
  #tabs;
  #onLost;
  /** @type {() => void} */
  #resolve = () => {};
  /** Resolves once the sessions are loaded, however often it takes.
   * @type {Promise<void>} */
  loaded = new Promise((resolve) => (this.#resolve = resolve));

  /** @param {Library} library @param {Tabs} tabs
   * @param {() => void} onLost called when the server gives no answer; `load` tries again */
  constructor(library, tabs, onLost) {
    this.#library = library;
    this.#tabs = tabs;
    this.#onLost = onLost;
  }

  /** Load all sessions, choose the first that has a model, and offer it to tabs without a session. */
  async load() {
    try {
      // A live session belongs to the tab that trains it.
      const listed = (await getSessions()).filter(({ source }) => source !== "live");
      const sessions = [...listed].sort((a, b) => rankOf(a) - rankOf(b));
      this.#library.show(sessions);
      const first = sessions.find(hasModel);
      this.#tabs.default = first ? { session_id: first.session_id, step: first.step } : null;
      if (first) this.#library.choose(first.session_id);
      else this.#tabs.follow();
      this.#resolve();
      if (!host.embedded) this.loadOwn();
    } catch (error) {
      const failure = asRequestError(error);
      this.#library.showError(describeError(failure));
      if (["network", "timeout"].includes(failure.kind)) this.#onLost();
    }
  }

  /** Show the trainings that the visitor kept; where they can't be had, the others stay. */
  async loadOwn() {
    try {
      this.#library.showOwn(await getKeptSessions());
    } catch (error) {
      asRequestError(error);
    }
  }
}

/** The page's first model, then the bundled ones: a featured one must not become the default.
 * @param {Session} session */
function rankOf({ session_id: id, source }) {
  if (id === config.library.first_session) return 0;
  return source === "bundled" ? 1 : 2;
}
