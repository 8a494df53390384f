// The characters of a text that a model doesn't know.

/** @import { PlayableSession, Trace } from "../types.js" */

import { unknownCharacters } from "../shared/text.js";

/** Remembers those of the last prompt: it may be long, and is asked about at every step. */
export class UnknownCharacters {
  /** @type {{ prompt: string[], session: PlayableSession, unknown: string[] } | null} */
  #checked = null;

  /** Each once, in order of appearance; none while the model is untrained.
   * @param {Trace} trace @param {PlayableSession | null | undefined} session */
  of({ prompt, text, steps }, session) {
    if (!session?.vocabulary.length) return [];
    if (this.#checked?.prompt !== prompt || this.#checked.session !== session) {
      this.#checked = { prompt, session, unknown: unknownCharacters(text, session.known) };
    }
    const { unknown } = this.#checked;
    const written = unknownCharacters(steps.map((step) => step.text).join(""), session.known);
    return written.length ? [...new Set([...unknown, ...written])] : unknown;
  }
}
