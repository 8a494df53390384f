// Names of sessions: as they are shown, and as links and stored states refer to them.

/** @import { Session } from "../types.js" */

const COMMIT_DIGITS = 7;

/** What is shown: a model of the Hub has its address.
 * @param {Pick<Session, "repo_id" | "name">} session */
export const sessionName = ({ repo_id: address, name }) => address ?? name;

/** The model in a link: its address on the Hub, or the id of its session.
 * @param {Pick<Session, "repo_id" | "session_id">} session */
export const modelOf = ({ repo_id: address, session_id: id }) => address ?? id;

/** Whether a session has a model by now.
 * @template {Session} S @param {S} session @returns {session is import("../types.js").Trained<S>} */
export const hasModel = (session) => session.params !== null;

/** A training step of a session, as it is found again: a CheckpointRef.
 * @param {Session} session @param {number | null} step */
export const checkpointRef = (session, step) =>
  ({ session_id: session.session_id, name: sessionName(session), model: modelOf(session), revision: session.revision, step });

/** @param {string} commit of a model of the Hub */
export const shortCommit = (commit) => commit.slice(0, COMMIT_DIGITS);

/** The id of each token of a vocabulary.
 * @param {string[]} vocabulary */
export const idsOf = (vocabulary) => new Map(vocabulary.map((text, index) => [text, index]));
