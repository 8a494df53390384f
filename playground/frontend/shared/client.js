// HTTP client of the API. Rejects with RequestError.

/** @import { BeamsRequest, BeamsResponse, CompareContextsRequest, CompareContextsResponse, CompareRequest, CompareResponse, CorpusRequest, CorpusResponse, DrawsResponse, GenerateRequest, GenerateResponse, RoundRequest, RoundResponse, ScoreRequest, ScoreResponse, Session, SessionDetails, TokenizeRequest, TokenizeResponse } from "../types.js" */

import { config } from "./config.js";
import { currentLocale, translate } from "./messages.js";
import { asRequestError, RequestError } from "./requestError.js";

export const API = new URL("../../api/", import.meta.url);
const NO_CONTENT = 204;
const BAD_GATEWAY = 502;
const GATEWAY_TIMEOUT = 504;

/** @returns {Promise<Session[]>} */
export const getSessions = async () => (await request("sessions")).sessions;

/** A small request: whether the server answers. */
export const getHealth = () => request("health", null, { timeoutMs: config.requests.probe_timeout_ms });

/** @param {string} id @returns {Promise<SessionDetails>} */
export const getSession = (id) => request("sessions/" + id.split("/").map(encodeURIComponent).join("/"));

/** A session, or null where it is gone.
 * @param {string} id @returns {Promise<SessionDetails | null>} */
export async function findSession(id) {
  try {
    return await getSession(id);
  } catch (error) {
    if (asRequestError(error).kind !== "http") throw error;
    return null;
  }
}

/** Those of some sessions that are still there.
 * @param {string[]} ids */
export const findSessions = async (ids) =>
  (await Promise.all(ids.map(findSession))).filter((session) => session !== null);

/** @param {GenerateRequest} body @param {AbortSignal} signal @returns {Promise<GenerateResponse>} */
export const generate = (body, signal) => request("generate", body, { signal });

/** The tokens of a text.
 * @param {TokenizeRequest} body @param {AbortSignal} [signal] @returns {Promise<TokenizeResponse>} */
export const tokenize = (body, signal) => request("tokenize", body, { signal });

/** The tokens of a text by a well-known tokenizer, without its model.
 * @param {string} tokenizer @param {string} text @param {AbortSignal} signal @returns {Promise<TokenizeResponse>} */
export const tokenizeAs = (tokenizer, text, signal) => request(`tokenize/${tokenizer}`, { text }, { signal });

/** @param {ScoreRequest} body @param {{ signal?: AbortSignal, timeoutMs?: number }} [options] @returns {Promise<ScoreResponse>} */
export const score = (body, options) => request("score", body, options);

/** @param {RoundRequest} body @returns {Promise<RoundResponse>} */
export const getRound = (body) => request("rounds", body);

/** Draw one token n times.
 * @param {GenerateRequest} body @param {AbortSignal} signal @returns {Promise<DrawsResponse>} */
export const repeatDraw = (body, signal) => request("draws", body, { signal });

/** @param {BeamsRequest} body @param {AbortSignal} signal @returns {Promise<BeamsResponse>} */
export const searchBeams = (body, signal) => request("beams", body, { signal });

/** The first look-up waits until the text is indexed.
 * @param {CorpusRequest} body @param {AbortSignal} signal @returns {Promise<CorpusResponse>} */
export const lookUp = (body, signal) => request("corpus", body, { signal, timeoutMs: config.requests.hub_timeout_ms });

/** @param {CompareContextsRequest} body @param {AbortSignal} signal @returns {Promise<CompareContextsResponse>} */
export const compareContexts = (body, signal) => request("compare-contexts", body, { signal });

/** @param {CompareRequest} body @param {AbortSignal} signal @returns {Promise<CompareResponse>} */
export const compare = (body, signal) => request("compare", body, { signal });

/** @param {string} sessionId @param {string} text @returns {Promise<{ text: string, dropped: string[] }>} dropped: without a substitute */
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
  const options = { method, signal: anySignal([signal, deadline]), ...encodeRequest(body, timeoutMs) };
  let response, answer;
  try {
    response = await fetch(new URL(path, API), options);
    answer = response.status === NO_CONTENT ? null : await response.json();
  } catch {
    if (signal.aborted) throw new RequestError("aborted", "aborted");
    throw logged(path, noAnswer(response, deadline.aborted));
  }
  if (response.ok) return answer;
  const { status, statusText, headers } = response;
  const retryAfter = Number(headers.get("Retry-After")) || null;
  const details = { status, error: headers.get("X-Error"), field: headers.get("X-Error-Field"), retryAfter };
  throw logged(path, new RequestError("http", answer.error ?? statusText, details));
}

/** @param {Response | undefined} response @param {boolean} isLate */
function noAnswer(response, isLate) {
  if (isLate) return new RequestError("timeout", translate("failure.timeout"));
  // Without the API's JSON these are a proxy's: no server answers it.
  const isProxy = response && response.status >= BAD_GATEWAY && response.status <= GATEWAY_TIMEOUT;
  if (!response || isProxy) return new RequestError("network", translate("failure.network"));
  return new RequestError("http", translate("failure.unreadable"), { status: response.status });
}

/** The error, once it stands in the browser's console for whoever looks for its cause.
 * @param {string} path @param {RequestError} error */
function logged(path, error) {
  console.error(`${path}: ${error.kind}${error.status ? ` ${error.status}` : ""}`, error.message);
  return error;
}

/** A signal that is aborted with the first of several: `AbortSignal.any`, which Safari 16.4 lacks.
 * @param {AbortSignal[]} signals */
function anySignal(signals) {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort();
    signal.addEventListener("abort", () => controller.abort(), { signal: controller.signal });
  }
  return controller.signal;
}

/** @param {any} body @param {number} timeoutMs
 * @returns {{ headers: Record<string, string>, body?: BodyInit }} */
function encodeRequest(body, timeoutMs) {
  const seconds = Math.floor((timeoutMs - config.requests.answer_margin_ms) / 1000);
  const headers = { "X-Language": currentLocale(), Prefer: `wait=${seconds}` };
  if (!body) return { headers };
  if (body instanceof Blob) return { headers, body };
  return { headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) };
}
