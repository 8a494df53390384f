// Reproduces a written text with the API: which model wrote each token with which settings, whether the
// same request gives it again, and the distribution there, which a restored text lacks. A request is for
// as many tokens as one model wrote. Independent of DOM and network.

/** @import { Author, GenerateRequest, GenerateResponse, PlayableSession, SamplingParams, SessionDetails, Step, Trace } from "../../types.js" */

import { decodeStep } from "../../playback/decode.js";
import { stepBody } from "../../playback/stepRequest.js";
import { position, probOf, rows, wasChosen } from "../../playback/trace.js";
import { asRequestError } from "../../shared/requestError.js";
import { idsOf } from "../../shared/session.js";

const REQUESTS_MAX = 100; // for a text: the tokens after them count as chosen
const REFUSED_MIN = 400;
const BUSY = 429; // of what may be asked again, and from 500 on
const SERVER_ERROR = 500;

/** A model at a training step with sampling settings. session: null where it is gone.
 * @typedef {{ session: PlayableSession | null, author: Author & { params: SamplingParams } }} Writer */

/** A token of the text with its writer. isPicked: the API gives it when it is asked as the writer was.
 * @typedef {{ step: Step, writer: Writer, isPicked: boolean }} ReproducedToken */

/** @typedef {object} Api
 * @property {(body: GenerateRequest, signal: AbortSignal) => Promise<GenerateResponse>} generate
 * @property {(id: string) => Promise<SessionDetails>} getSession */

/** Request every token that was written. Rejects with RequestError where the server can't be asked;
 * a model that is gone, or knows other characters, gives no distributions.
 * @param {Api} api @param {Trace} trace
 * @param {Writer & { session: PlayableSession }} now the model and the settings on screen
 * @param {AbortSignal} signal
 * @returns {Promise<ReproducedToken[]>} */
export async function reproduce(api, trace, now, signal) {
  const { steps, prompt } = trace;
  const writers = await writersOf(api, trace, now);
  let left = REQUESTS_MAX;
  const ask = async (/** @type {Writer} */ writer, /** @type {number} */ end, /** @type {number} */ n) => {
    if (!writer.session || left === 0) return [];
    left -= 1;
    return askFor(api, { writer, trace, end, n, signal });
  };
  /** @type {ReproducedToken[]} */
  const tokens = [];
  while (tokens.length < steps.length) {
    const from = tokens.length, writer = writers[from];
    const n = runLength(steps, writers, from);
    const answered = await ask(writer, prompt.length + from, n);
    const different = answered.findIndex((step, index) => step.text !== steps[from + index].text);
    const found = different < 0 ? answered : answered.slice(0, different + 1);
    const run = steps.slice(from, from + (found.length || n));
    tokens.push(...run.map((step, index) => merge(step, found[index], writer)));
  }
  return tokens;
}

/** What is weighed after a text; null where it can't be. Rejects as `reproduce`.
 * @param {Api} api @param {Trace} trace @param {Writer & { session: PlayableSession }} now @param {AbortSignal} signal */
export async function nextStep(api, trace, now, signal) {
  const [next = null] = await askFor(api, { writer: now, trace, end: position(trace), n: 1, signal });
  return next;
}

/** The writer of each step: that of now, where it isn't known.
 * @param {Api} api @param {Trace} trace @param {Writer & { session: PlayableSession }} now */
async function writersOf(api, { steps }, now) {
  /** @type {Map<string, PlayableSession | null>} */
  const sessions = new Map([[now.author.session_id, now.session]]);
  /** @type {Map<string, Writer>} */
  const writers = new Map([[JSON.stringify(now.author), now]]);
  const found = [];
  for (const { by } of steps) {
    const author = by ? { ...by, params: by.params ?? now.author.params } : now.author;
    const id = author.session_id;
    if (!sessions.has(id)) sessions.set(id, await openSession(api, id));
    const key = JSON.stringify(author);
    const writer = writers.get(key) ?? { session: sessions.get(id) ?? null, author };
    writers.set(key, writer);
    found.push(writer);
  }
  return found;
}

/** How many tokens from one on can be asked for at once: up to one that was chosen, or another writer's.
 * @param {Step[]} steps @param {Writer[]} writers @param {number} from */
function runLength(steps, writers, from) {
  let end = from + 1;
  while (end < steps.length && writers[end] === writers[from] && !wasChosen(steps[end - 1])) end += 1;
  return end - from;
}

/** @param {Step} step @param {Step | undefined} picked as the API gives it @param {Writer} writer @returns {ReproducedToken} */
function merge(step, picked, writer) {
  if (!picked) return { step, writer, isPicked: false };
  const isPicked = picked.text === step.text;
  const listed = rows(picked).find(({ text }) => text === step.text);
  const prob = listed ? listed.prob : probOf(step);
  const merged = { ...picked, id: writer.session?.known.get(step.text) ?? step.id, text: step.text, prob };
  return { step: isPicked ? merged : { ...merged, insteadOf: picked.text }, writer, isPicked };
}

/** @param {Api} api
 * @param {{ writer: Writer, trace: Trace, end: number, n: number, signal: AbortSignal }} what
 * @returns {Promise<Step[]>} none where they are refused */
async function askFor({ generate }, { writer: { session, author }, trace, end, n, signal }) {
  if (!session || end === 0 || !hasTokensOf(trace, session)) return [];
  const { step, params } = author;
  try {
    const answer = await generate(stepBody({ session, step, newest: false, params, trace, end, n }), signal);
    return answer.steps.map((one) => decodeStep(one, session, author));
  } catch (error) {
    if (isRefused(error)) return [];
    throw error;
  }
}

/** Whether a text is cut as a session's model reads it: else its tokens are none of that model's.
 * @param {Trace} trace @param {PlayableSession} session */
const hasTokensOf = ({ tokenizer }, session) => tokenizer === (session.tokenizer === "tokens" ? session.session_id : null);

/** @param {Api} api @param {string} id @returns {Promise<PlayableSession | null>} */
async function openSession({ getSession }, id) {
  try {
    const session = await getSession(id);
    return { ...session, known: idsOf(session.vocabulary) };
  } catch (error) {
    if (isRefused(error)) return null;
    throw error;
  }
}

/** Whether the same request would fail again.
 * @param {unknown} error */
function isRefused(error) {
  const { status } = asRequestError(error);
  return status >= REFUSED_MIN && status < SERVER_ERROR && status !== BUSY;
}
