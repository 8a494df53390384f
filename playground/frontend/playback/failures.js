// The effect of a failed request on playback: one table for the whole page. Pure.

/** @import { Notice, PlayableSession } from "../types.js" */
/** @import { RequestError } from "../shared/requestError.js" */

import { config } from "../shared/config.js";
import { translate } from "../shared/messages.js";
import { describeError, NOT_FOUND } from "../shared/requestError.js";

const UNAVAILABLE = 503;

/** Of the server, where those of a Hub that is away are 503, too. */
const OVERLOADED = "Overloaded";
const ENGINE_UNAVAILABLE = "EngineUnavailable";
const MODEL_LOADING = "ModelLoading";

/** What follows from a failure. The effect: "lost", the connection is, and playback goes on once it is
 * back; "busy", the server has too much to do, and playback goes on more slowly after retryMs;
 * "loading", its model is not there yet, and playback goes on after retryMs; "paused". isToast: whether a toast says it as well.
 * @typedef {{ effect: "lost" | "busy" | "loading" | "paused", notice: Notice, isToast: boolean, retryMs: number }} Reaction */

/** @param {RequestError} failure @param {PlayableSession | null | undefined} session @returns {Reaction} */
export function reactTo(failure, session) {
  const { kind, status, error, retryAfter } = failure;
  if (kind === "timeout" || kind === "network") {
    const key = kind === "timeout" ? "status.timed_out" : "status.unreachable";
    return reaction("lost", { text: translate(key), waits: true, isLost: true }, { isToast: true });
  }
  const retryMs = retryAfter === null ? config.requests.retry_ms : 1000 * retryAfter;
  if (error === MODEL_LOADING) {
    return reaction("loading", { text: translate("status.model_loading"), waits: true, isLost: true }, { retryMs });
  }
  const isOurs = error === OVERLOADED || error === ENGINE_UNAVAILABLE;
  if (status === UNAVAILABLE && (isOurs || session?.source !== "hub")) {
    const text = error === ENGINE_UNAVAILABLE ? describeError(failure) : translate("status.busy");
    return reaction("busy", { text, waits: true, isLost: true }, { retryMs });
  }
  if (status === NOT_FOUND && session?.source === "live") {
    const hasEnded = error === "SessionNotFound"; // else the step was replaced by a later one
    return reaction("paused", hasEnded
      ? goneNotice(translate("status.training_gone"))
      : { text: translate("status.learned_on"), retry: true });
  }
  if (error === "ModelNotInitialized") {
    return reaction("paused", { text: translate("status.initializing"), retry: true });
  }
  return reaction("paused", { text: describeError(failure), retry: true }, { isToast: true });
}

/** That there is no model any more; the bundled one is the way on.
 * @param {string} text @returns {Notice} */
export const goneNotice = (text) => ({ text, remedy: translate("status.use_bundled"), locks: true, isGone: true });

/** @param {Reaction["effect"]} effect @param {Notice} notice @param {Partial<Reaction>} [more] @returns {Reaction} */
const reaction = (effect, notice, more = {}) => ({ effect, notice, isToast: false, retryMs: 0, ...more });
