// Errors of requests to the API, and their messages.

import { translate } from "./messages.js";

export const NOT_FOUND = 404;
const UNPROCESSABLE = 422;
const INTERNAL_ERROR = 500;

/** A request without a usable response.
 * kind: "timeout", "network", "aborted" (by the caller) or "http" (with status, the server's error
 * class and the request field that it is about, where it names them). */
export class RequestError extends Error {
  /** @param {"timeout" | "network" | "aborted" | "http"} kind
   * @param {string} message
   * @param {{ status?: number, error?: string | null, field?: string | null, retryAfter?: number | null }} [details]
   *   retryAfter in seconds */
  constructor(kind, message, { status = 0, error = null, field = null, retryAfter = null } = {}) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.error = error;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** The error itself where it is one of a request; any other is a defect and thrown again.
 * @param {any} error @returns {RequestError} */
export function asRequestError(error) {
  if (error?.kind === undefined) throw error;
  return error;
}

/** A message for a learner.
 * @param {RequestError} error */
export function describeError({ kind, status, error, message }) {
  if (kind === "timeout") return translate("failure.timeout");
  if (kind === "network") return translate("failure.network");
  if (error === "StepNotFound") return translate("status.learned_on"); // a later one has replaced it
  if (status === NOT_FOUND) return translate("failure.gone");
  if (status === UNPROCESSABLE) return translate("failure.refused");
  if (status > INTERNAL_ERROR) return message; // the Hub's and this server's limits are worded for visitors
  if (status === INTERNAL_ERROR) return translate("failure.stumbled");
  return message;
}

/** The API's own message where there is one, else that of `describeError`.
 * @param {RequestError} error */
export function apiMessage(error) {
  const { kind, status, message } = error;
  return kind === "http" && status !== INTERNAL_ERROR ? message : describeError(error);
}
