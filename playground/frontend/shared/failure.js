// A request that failed, and what is said of it.

import { say } from "./messages.js";

/** kind: "timeout", "network", "http" (with status, and the error's name) or "aborted" (by the caller). */
export class Failure extends Error {
  constructor(kind, message, status = 0, error = null) {
    super(message);
    Object.assign(this, { kind, status, error });
  }
}

/** What went wrong, for a learner. */
export function sentence({ kind, status, message }) {
  if (kind === "timeout") return say("failure.timeout");
  if (kind === "network") return say("failure.network");
  if (status === 404) return say("failure.gone");
  if (status === 422) return say("failure.refused");
  if (status > 500) return message; // the Hub's, and this server's limits: said for a visitor
  if (status === 500) return say("failure.stumbled");
  return message;
}

/** The API's own sentence, where it has one. */
export function words(failure) {
  if (failure.kind === undefined) throw failure;
  const { kind, status, message } = failure;
  return kind === "http" && status !== 500 ? message : sentence(failure);
}
