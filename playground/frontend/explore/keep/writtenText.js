// The text on screen as the API writes it, for a file or for code.

/** @import { PlayableSession } from "../../types.js" */
/** @import { Player } from "../../playback/player.js" */
/** @import { Api, Writer } from "./reproduce.js" */

import { generate, getSession } from "../../shared/client.js";

/** @type {Api} */
export const api = { generate, getSession };

/** The model and the settings on screen; null where nothing can be asked for.
 * @param {Player} player @returns {(Writer & { session: PlayableSession }) | null} */
export function writerOf({ session, author, trace, unknown }) {
  if (!session || !author?.params || session.params === null || trace.prompt.length === 0 || unknown.length > 0) return null;
  return { session, author: { ...author, params: author.params } };
}
