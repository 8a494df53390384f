// The tokenizers that the page can show a text with: that of the model at hand, one of characters, those
// of other models, and well-known ones without a model.

/** @import { PlacedToken, Session, SessionDetails, TokenizeResponse, Trained } from "../types.js" */

import { tokenize, tokenizeAs } from "../shared/client.js";
import { config } from "../shared/config.js";
import { LruCache } from "../shared/lruCache.js";
import { hasModel, idsOf, sessionName } from "../shared/session.js";
import { characters } from "../shared/text.js";

const CACHED_TEXTS = 500;

/** known: the characters that it has, of a tokenizer of characters.
 * @typedef {{ id: string, name: string, size: number, known?: Map<string, number>,
 *   ask?: (text: string, signal: AbortSignal) => Promise<TokenizeResponse> }} Tokenizer */
/** A session, with its vocabulary where that is known: a list lacks it.
 * @typedef {Session & { vocabulary?: string[] }} AnySession */
/** id: null for a character that the tokenizer doesn't have.
 * @typedef {Omit<PlacedToken, "id"> & { id: number | null }} ShownToken */

/** Tokenizers to compare, the model's own first: one of characters, and each of tokens.
 * @param {Session | null} session @param {Session[]} sessions as a list has them
 * @param {Map<string, SessionDetails>} whole those with their vocabularies @returns {Tokenizer[]} */
export function tokenizersOf(session, sessions, whole) {
  const ofCharacters = charactersOf(session, sessions);
  const ready = trainedSessions(session, sessions);
  const shown = ready.filter((one) => one.tokenizer === "tokens" || one === ofCharacters);
  const known = shown.map((one) => /** @type {Trained<AnySession>} */ (whole.get(one.session_id) ?? one)).filter(({ tokenizer, vocabulary }) => tokenizer === "tokens" || vocabulary);
  return [...known.map(ofSession), ...config.tokenizers.references.map(ofReference)];
}

/** The session whose characters are compared: the model at hand, where it has any.
 * @param {AnySession | null} session @param {AnySession[]} sessions */
export const charactersOf = (session, sessions) =>
  trainedSessions(session, sessions).find(({ tokenizer }) => tokenizer === "characters");

/** @param {AnySession | null} session @param {AnySession[]} sessions */
function trainedSessions(session, sessions) {
  const others = sessions.filter(({ session_id: id }) => id !== session?.session_id);
  return [...(session ? [session] : []), ...others].filter(hasModel);
}

/** @param {Trained<AnySession>} session @returns {Tokenizer} */
function ofSession(session) {
  const { session_id: id, tokenizer, vocabulary, vocab_size: size } = session;
  const about = { id, name: sessionName(session), size };
  if (vocabulary && tokenizer === "characters") return { ...about, known: idsOf(vocabulary) };
  return { ...about, ask: (text, signal) => tokenize({ session_id: id, text }, signal) };
}

/** @param {{ id: string, name: string, vocab_size: number }} reference @returns {Tokenizer} */
const ofReference = ({ id, name, vocab_size: size }) =>
  ({ id: `reference:${id}`, name, size, ask: (text, signal) => tokenizeAs(id, text, signal) });

/** Each character is a token, known or not.
 * @param {string} text @param {Map<string, number>} known @returns {ShownToken[]} */
export const tokenizeCharacters = (text, known) =>
  characters(text).map((character, at) => ({ id: known.get(character) ?? null, text: character, start: at, end: at + 1 }));

/** Texts as tokens of tokenizers, each asked for once. */
export class TokenizedTexts {
  /** @type {LruCache<ShownToken[]>} */
  #cache = new LruCache(CACHED_TEXTS);

  /** The tokens, where they are known already.
   * @param {Tokenizer} tokenizer @param {string} text @returns {ShownToken[] | undefined} */
  get({ id, known }, text) {
    return known ? tokenizeCharacters(text, known) : this.#cache.get(keyOf(id, text));
  }

  /** Rejects with RequestError.
   * @param {Tokenizer[]} tokenizers @param {string[]} texts @param {AbortSignal} signal */
  async fetch(tokenizers, texts, signal) {
    for (const text of texts) {
      await Promise.all(tokenizers.map(async (tokenizer) => {
        if (!tokenizer.ask || this.get(tokenizer, text)) return;
        const { tokens } = text ? await tokenizer.ask(text, signal) : { tokens: [] };
        this.#cache.set(keyOf(tokenizer.id, text), tokens);
      }));
    }
  }
}

/** @param {string} id @param {string} text */
const keyOf = (id, text) => JSON.stringify([id, text]);
