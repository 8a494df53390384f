// HTTP client of the API. Rejects with RequestError.

/** @import { GenerateRequest, GenerateResponse, Session } from "../types.js" */

import { config } from "./config.js";
import { currentLocale, translate } from "./messages.js";
import { RequestError } from "./requestError.js";

export const API = new URL("../../api/", import.meta.url);
const NO_CONTENT = 204;

/** @returns {Promise<Session[]>} */
export const getSessions = async () => (await request("sessions")).sessions;

/** @param {string} id @returns {Promise<Session>} */
export const getSession = (id) => request("sessions/" + id.split("/").map(encodeURIComponent).join("/"));

/** @param {GenerateRequest} body @param {AbortSignal} signal @returns {Promise<GenerateResponse>} */
export const generate = (body, signal) => request("generate", body, { signal });

/** @param {string} sessionId @param {string} text @returns {Promise<{ text: string }>} */
export const substitute = (sessionId, text) => request("substitute", { session_id: sessionId, text });

/** Send a request to the API and decode its JSON; null for a response without a body.
 * @param {string} path relative to the API
 * @param {any} [body] a Blob is sent as it is, anything else as JSON
 * @param {{ method?: string, signal?: AbortSignal, timeoutMs?: number }} [options]
 * @returns {Promise<any>} */
export async function request(path, body, {
  method = body ? "POST" : "GET",
  signal = new AbortController().signal,
  timeoutMs = config.requests.timeout_ms,
} = {}) {
  const deadline = AbortSignal.timeout(timeoutMs);
  const options = { method, signal: AbortSignal.any([signal, deadline]), ...encodeBody(body) };
  let response, answer;
  try {
    response = await fetch(new URL(path, API), options);
    answer = response.status === NO_CONTENT ? null : await response.json();
  } catch {
    if (signal.aborted) throw new RequestError("aborted", "aborted");
    if (deadline.aborted) throw new RequestError("timeout", translate("failure.timeout"));
    if (!response) throw new RequestError("network", translate("failure.network"));
    throw new RequestError("http", translate("failure.unreadable"), { status: response.status });
  }
  if (response.ok) return answer;
  const { status, statusText, headers } = response;
  const details = { status, error: headers.get("X-Error"), field: headers.get("X-Error-Field") };
  throw new RequestError("http", answer.error ?? statusText, details);
}

/** @param {any} body @returns {{ headers: Record<string, string>, body?: BodyInit }} */
function encodeBody(body) {
  const headers = { "X-Language": currentLocale() };
  if (!body) return { headers };
  if (body instanceof Blob) return { headers, body };
  return { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) };
}
