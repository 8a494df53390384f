// Loads the sessions of the Library, and updates the visitor's own ones among them.

/** @import { Library } from "./library.js" */
/** @import { Tabs } from "../playback/tabs.js" */

import { host } from "../embed/host.js";
import { getSessions } from "../shared/client.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { getKeptSessions } from "../training/trainingApi.js";

export class SessionLoader {
  #library;
  #tabs;

  /** @param {Library} library @param {Tabs} tabs */
  constructor(library, tabs) {
    this.#library = library;
    this.#tabs = tabs;
  }

  /** Load all sessions, choose the first that has a model, and offer it to tabs without a session. */
  async load() {
    try {
      // A live session belongs to the tab that trains it.
      const listed = (await getSessions()).filter(({ source }) => source !== "live");
      // Bundled ones first: a featured model must not become the default.
      const sessions = [true, false].flatMap((isBundled) =>
        listed.filter(({ source }) => (source === "bundled") === isBundled));
      this.#library.show(sessions);
      const first = sessions.find((session) => session.params !== null);
      this.#tabs.default = first ? { session_id: first.session_id, step: first.step } : null;
      if (first) this.#library.choose(first.session_id);
      else this.#tabs.follow();
      if (!host.embedded) this.loadOwn();
    } catch (error) {
      this.#library.showError(describeError(asRequestError(error)));
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
