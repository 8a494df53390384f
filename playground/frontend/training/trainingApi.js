// HTTP client of the API of live training, and the visitor's id there.

/** @import { Merge, Session, TrainingOffer, TrainingStatus, TrainingSummary } from "../types.js" */

import { API, findSessions, request } from "../shared/client.js";
import { config } from "../shared/config.js";
import { readStorage, writeStorage } from "../shared/storage.js";

const STORAGE_KEY = "token-playground.visitor";
const ID = /^[A-Za-z0-9_-]{16,64}$/;
const ID_BYTES = 16;
const HEXADECIMAL = 16;

/** @param {string} sessionId @param {string} [path] */
const pathOf = (sessionId, path = "") => `trainings/${encodeURIComponent(sessionId)}${path}`;

/** A request that sends a text or a model, or waits for the Hub.
 * @param {string} path @param {any} body */
const upload = (path, body) => request(path, body, { timeoutMs: config.requests.upload_timeout_ms });

/** What can be trained on and with which bounds.
 * @returns {Promise<TrainingOffer>} */
export const getOffer = () => request("corpora");

/** The visitor's id stands in the address as well: several servers behind one proxy are told apart by
 * it, and it leads to the one that has the visitor's trainings.
 * @param {object} body @returns {Promise<TrainingSummary>} */
export const startTraining = (body) => upload(ofVisitor("trainings"), { visitor: visitorId(), ...body });

/** The visitor's own trainings.
 * @returns {Promise<TrainingSummary[]>} */
export const listTrainings = async () => (await request(ofVisitor("trainings"))).trainings;

/** A training's status, with the updates after a step.
 * @param {string} sessionId @param {number} since @returns {Promise<TrainingStatus>} */
export const getTraining = (sessionId, since) => request(pathOf(sessionId, `?since=${since}`));

/** The merges of a training's word pieces, in their order.
 * @param {string} sessionId @returns {Promise<Merge[]>} */
export const getMerges = async (sessionId) => (await request(pathOf(sessionId, "/merges"))).merges;

/** @param {string} sessionId @param {string} command pause, resume, step or stop */
export const sendCommand = (sessionId, command) => request(pathOf(sessionId, `/${command}`), undefined, { method: "POST" });

/** @param {string} sessionId @param {number | null} stepsPerSecond null: unlimited */
export const setSpeed = (sessionId, stepsPerSecond) => request(pathOf(sessionId, "/speed"), { steps_per_second: stepsPerSecond });

/** @param {string} sessionId @param {string} name */
export const renameTraining = (sessionId, name) => request(pathOf(sessionId, "/name"), { name });

/** @param {string} sessionId */
export const deleteTraining = (sessionId) => request(pathOf(sessionId), undefined, { method: "DELETE" });

/** Decode a text file.
 * @param {File} file @returns {Promise<{ text: string }>} */
export const decodeTextFile = (file) => upload(`corpora/text?filename=${encodeURIComponent(file.name)}`, file);

/** @param {File} file a zip of a trained model @returns {Promise<TrainingSummary>} */
export const uploadModel = (file) => upload(ofVisitor("trainings/upload"), file);

/** The address of a trained model as a zip.
 * @param {string} sessionId */
export const downloadAddress = (sessionId) => new URL(pathOf(sessionId, "/download"), API).href;

/** The sessions of the trainings that the visitor kept under a name.
 * @returns {Promise<Session[]>} */
export async function getKeptSessions() {
  const kept = (await listTrainings()).filter((training) => training.kept && training.ready);
  return findSessions(kept.map(({ session_id: id }) => id));
}

/** Where no storage is allowed, a new one for each page; a training's link still leads back to it.
 * @type {string | null} */
let fallbackId = null;

/** @param {string} path */
const ofVisitor = (path) => `${path}?visitor=${visitorId()}`;

/** A random id that the browser keeps. */
function visitorId() {
  const stored = readStorage(STORAGE_KEY) ?? "";
  if (ID.test(stored)) return stored;
  fallbackId ??= randomId();
  writeStorage(STORAGE_KEY, fallbackId);
  return fallbackId;
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(HEXADECIMAL).padStart(2, "0")).join("");
}
