// The characters of a text that a model doesn't know; and those that it knows in another form.

/** @import { PlayableSession, Token, Trace } from "../types.js" */

import { adaptToVocabulary, unknownCharacters } from "../shared/text.js";
import { characterTokens, textOf } from "./tokens.js";
import { inCharacters, withPrompt } from "./trace.js";

/** Whether a session has a model by now, and its details are known: of one whose tokens are pieces of
 * words they hold no vocabulary.
 * @param {PlayableSession | null | undefined} session @returns {session is import("../types.js").Trained<PlayableSession>} */
export const isTrained = (session) =>
  Boolean(session && (session.tokenizer === "tokens" ? session.params !== null : session.vocabulary.length));

/** A text in the forms that the model knows: line ends, composed letters.
 * @param {string} text @param {PlayableSession | null | undefined} session */
export const adapt = (text, session) => (session?.vocabulary.length ? adaptToVocabulary(text, session.known) : text);

/** @param {Trace} trace @param {PlayableSession | null | undefined} session @returns {Trace} */
export function adaptTrace(trace, session) {
  const text = adapt(trace.text, session);
  if (text === trace.text) return trace;
  return { ...withPrompt(inCharacters(trace, session), characterTokens(text), null), text };
}

/** Remembers those of the last prompt: it may be long, and is asked about at every step. */
export class UnknownCharacters {
  /** @type {{ prompt: Token[], session: PlayableSession, unknown: string[] } | null} */
  #checked = null;

  /** Each once, in order of appearance; none while the model is untrained.
   * @param {Trace} trace @param {PlayableSession | null | undefined} session */
  of({ prompt, text, steps }, session) {
    if (!session?.vocabulary.length) return [];
    if (this.#checked?.prompt !== prompt || this.#checked.session !== session) {
      this.#checked = { prompt, session, unknown: unknownCharacters(text, session.known) };
    }
    const { unknown } = this.#checked;
    const written = unknownCharacters(textOf(steps), session.known);
    return written.length ? [...new Set([...unknown, ...written])] : unknown;
  }
}
