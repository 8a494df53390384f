// Bringing the page to a state, of a link or of the moment before a reload: first the settings, then
// the session, then the text.

/** @import { Sampling, Session } from "../types.js" */

import { host } from "../embed/host.js";
import { getSession } from "../shared/client.js";
import { openTab } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { asRequestError } from "../shared/requestError.js";
import { modelOf, sessionName } from "../shared/session.js";
import { toast } from "../shared/toast.js";

/** A session and its training step, as they are found again.
 * session_id: of one that the server may have without listing it. model: `owner/name`, or the id of a
 * session that is listed. A step without a model is one of the model that is shown.
 * @typedef {object} CheckpointRef
 * @property {string} [session_id] @property {string} [name] for messages; the model by default
 * @property {string} [model] @property {string | null} [revision] @property {number | null} [step] */

/** What is undefined stays as it is.
 * @typedef {object} PageState
 * @property {boolean} [isDrawerOpen] @property {string} [tab]
 * @property {Partial<Sampling>} sampling @property {number} [intervalMs]
 * @property {number} [seed] in use unless the sampling has one
 * @property {boolean} [isSamplingOwn] whether it was set by the visitor, or by a link
 * @property {CheckpointRef} checkpoint
 * @property {string | null} [explore] the panel that is open */

/** @typedef {object} Parts
 * @property {{ setOpen: (isOpen: boolean) => void }} drawer
 * @property {import("../library/library.js").Library} library
 * @property {import("../library/hubLoader.js").HubLoader} hubLoader
 * @property {import("../playback/settings.js").Settings} settings
 * @property {import("../explore/explore.js").Explore} explore */

export class Restoration {
  #parts;
  #latest = 0;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Restore a state, unless another one is to be restored by then; toasts for a session that differs from
   * its own.
   * @param {PageState} state
   * @param {(isCurrent: () => boolean) => Promise<void>} restoreText called once the Library has the session;
   *   isCurrent: whether it is still wanted */
  async restore({ isDrawerOpen, tab, checkpoint, explore, ...settings }, restoreText) {
    const call = ++this.#latest;
    const isCurrent = () => call === this.#latest;
    if (isDrawerOpen !== undefined) this.#parts.drawer.setOpen(isDrawerOpen);
    this.#parts.settings.adopt(settings);
    if (tab && !host.embedded) openTab(tab);
    await this.#restoreSession(checkpoint, isCurrent);
    if (!isCurrent()) return;
    await restoreText(isCurrent);
    if (explore && isCurrent()) this.#parts.explore.open(explore);
  }

  /** Choose the session and its training step in the Library, or the nearest step there is.
   * @param {CheckpointRef} checkpoint @param {() => boolean} isCurrent */
  async #restoreSession(checkpoint, isCurrent) {
    const { library } = this.#parts;
    const { model, revision, step } = checkpoint;
    await this.#choose(checkpoint);
    const { session } = library;
    if (!session || !isCurrent()) return;
    const name = sessionName(session);
    if (model && modelOf(session) !== model) {
      toast(translate("link.model_gone", { model: checkpoint.name ?? model }));
      return;
    }
    // A branch or a tag resolves to a commit and never equals it: not compared for the Hub.
    if (model && revision && !session.repo_id && session.revision !== revision) toast(translate("link.model_changed", { model: name }));
    if (step == null || session.steps.length === 0) return;
    const nearest = session.steps.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best));
    if (nearest !== step) toast(translate("link.step_gone", { model: name, step, nearest }));
    library.choose(session.session_id, nearest);
  }

  /** @param {CheckpointRef} checkpoint */
  async #choose({ session_id: id, model = id, revision }) {
    const { library, hubLoader } = this.#parts;
    const listed = [id, model].find((one) => library.has(one));
    const unlisted = id && !listed ? await findUnlisted(id) : null;
    if (listed) library.choose(listed);
    else if (unlisted) library.add(unlisted, false);
    else if (model?.includes("/")) await hubLoader.load(revision ? `${model}@${revision}` : model);
  }
}

/** A session that is listed nowhere, such as one from the Hub; null where it is gone, or the
 * server away: the page then stays at the one it has.
 * @param {string} sessionId @returns {Promise<Session | null>} */
async function findUnlisted(sessionId) {
  try {
    return await getSession(sessionId);
  } catch (error) {
    asRequestError(error);
    return null;
  }
}
