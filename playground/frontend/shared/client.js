// The HTTP API as functions. A failure is a Failure that says what kind it is.

import { Failure } from "./failure.js";
import { language, say } from "./messages.js";

export const API = new URL("../../api/", import.meta.url);
const TIMEOUT_MS = 5000;

export const sessions = async () => (await request("sessions")).sessions;
export const session = (id) => request("sessions/" + id.split("/").map(encodeURIComponent).join("/"));
export const generate = (body, signal) => request("generate", body, signal);
export const substitute = (session_id, text) => request("substitute", { session_id, text });

/** What the API answers; null where it answers without a body. A file is sent as it is. */
export async function request(path, body, signal = new AbortController().signal, {
  method = body ? "POST" : "GET",
  timeout_ms = TIMEOUT_MS,
} = {}) {
  const deadline = AbortSignal.timeout(timeout_ms);
  const headers = { "X-Language": language };
  const options = { method, headers, signal: AbortSignal.any([signal, deadline]) };
  if (body instanceof Blob) options.body = body;
  else if (body) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response, answer;
  try {
    response = await fetch(new URL(path, API), options);
    answer = response.status === 204 ? null : await response.json();
  } catch (error) {
    if (signal.aborted) throw new Failure("aborted", "aborted");
    if (deadline.aborted) throw new Failure("timeout", say("failure.timeout"));
    if (!response) throw new Failure("network", say("failure.network"));
    throw new Failure("http", say("failure.unreadable"), response.status);
  }
  if (!response.ok) {
    throw new Failure("http", answer.error ?? response.statusText, response.status, response.headers.get("X-Error"));
  }
  return answer;
}
