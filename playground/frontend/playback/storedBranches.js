// Branches as they are stored: the current ones, and those that undo and redo return to. Most of these
// are shared: each is stored once. Pure.

/** @import { Author, Branch, Branches, Token, Trace } from "../types.js" */

import { promptTokens } from "./branches.js";
import { characterTokens, textOf } from "./tokens.js";

const KEPT_CHANGES = 30; // of a history, in each direction
const KEPT_TOKENS = 30_000; // of branches that are there no more: about a megabyte
const PROB_DIGITS = 4;

/** A token with its bytes, where it is no text, and its part of the typed text, where that is another.
 * @typedef {[id: number, text: string, bytes?: number[] | null, part?: string]} StoredToken
 * @typedef {[id: number, parent: number | null, at: number, typed: number, name: string, isPinned: boolean]} StoredHead
 * @typedef {{ head: StoredHead, prompt: string, typed?: StoredToken[], tokens: StoredToken[], odds: (number | null)[], chosen: number[], authors?: Author[], by?: number[] }} StoredBranch
 *   prompt: its own part of it; typed: its tokens, where they are no characters
 * @typedef {{ nextId: number, list: StoredBranch[] }} StoredBranches
 * @typedef {{ nextId: number, list: number[] }} StoredSet list: indices of the branches of now, and of `list` after them
 * @typedef {{ list: StoredBranch[], sets: StoredSet[], of: number[] }} StoredEarlier of: the set of each
 *   change, -1 where it is that of now */

/** @param {Branches} branches @returns {StoredBranches} */
export const encodeBranches = ({ list, nextId }) => ({ nextId, list: list.map(encodeBranch) });

/** @param {StoredBranches} stored @returns {Branches} */
export const decodeBranches = ({ list, nextId }) => ({ nextId, list: list.map(decodeBranch) });

/** The latest of some changes, and their branches: as many as there is room for.
 * @param {Branches} now @param {Trace[][]} histories each with the latest last
 * @returns {{ changes: Trace[][], earlier: StoredEarlier }} */
export function encodeEarlier(now, histories) {
  const pool = new Map(now.list.map((branch, index) => [branch, index]));
  /** @type {Map<Branches, number>} */
  const sets = new Map();
  let room = KEPT_TOKENS;
  const changes = histories.map((traces) => {
    const latest = traces.slice(-KEPT_CHANGES);
    let from = latest.length;
    while (from > 0 && room >= 0) {
      const { branches } = latest[from - 1];
      const added = branches === now || sets.has(branches) ? [] : branches.list.filter((branch) => !pool.has(branch));
      room -= added.reduce((sum, { tokens }) => sum + tokens.length, 0);
      if (room < 0) break;
      for (const branch of added) pool.set(branch, pool.size);
      if (branches !== now && !sets.has(branches)) sets.set(branches, sets.size);
      from -= 1;
    }
    return latest.slice(from);
  });
  return {
    changes,
    earlier: {
      list: [...pool.keys()].slice(now.list.length).map(encodeBranch),
      sets: [...sets.keys()].map(({ nextId, list }) => ({ nextId, list: list.map((branch) => pool.get(branch) ?? 0) })),
      of: changes.flat().map(({ branches }) => sets.get(branches) ?? -1),
    },
  };
}

/** The branches of each change by its index; all are those of now where nothing else was stored.
 * @param {Branches} now @param {StoredEarlier} [stored] @returns {(index: number) => Branches} */
export function decodeEarlier(now, { list, sets: stored, of } = { list: [], sets: [], of: [] }) {
  const pool = [...now.list, ...list.map(decodeBranch)];
  const sets = stored.map(({ nextId, list: indices }) => ({ nextId, list: indices.map((index) => pool[index]) }));
  return (index) => sets[of[index]] ?? now;
}

/** @param {Branch} branch @returns {StoredBranch} */
function encodeBranch({ id, parent, at, typed, name, isPinned, tokens }) {
  const ownTyped = Math.max(0, typed - at);
  const own = tokens.slice(0, ownTyped), written = tokens.slice(ownTyped);
  return {
    head: [id, parent, at, typed, name, isPinned],
    prompt: textOf(own),
    ...(own.some((token) => token.id >= 0) && { typed: own.map(encodeStoredToken) }),
    tokens: written.map(encodeStoredToken),
    odds: written.map(({ prob }) => rounded(prob)),
    chosen: written.flatMap(({ isChosen }, index) => (isChosen ? [index] : [])),
    ...(written.some(({ by }) => by) && encodeAuthors(written)),
  };
}

/** @param {StoredBranch} stored @returns {Branch} */
function decodeBranch({ head: [id, parent, at, typed, name, isPinned], prompt, typed: own, tokens, odds: probs, chosen, authors = [], by = [] }) {
  const chosenOnes = new Set(chosen);
  const written = tokens.map((token, index) =>
    ({ ...decodeStoredToken(token), prob: probs[index], isChosen: chosenOnes.has(index), by: authors[by[index]] }));
  return { id, parent, at, typed, name, isPinned, tokens: [...promptTokens(own?.map(decodeStoredToken) ?? characterTokens(prompt)), ...written] };
}

/** @param {Token} token @returns {StoredToken} */
export function encodeStoredToken({ id, text, bytes, part }) {
  if (part !== undefined) return [id, text, bytes ?? null, part];
  return bytes ? [id, text, bytes] : [id, text];
}

/** @param {StoredToken} stored @returns {Token} */
export const decodeStoredToken = ([id, text, bytes, part]) =>
  ({ id, text, ...(bytes && { bytes }), ...(part !== undefined && { part }) });

/** Who wrote tokens, each author once. by: their indices; -1 where it isn't known.
 * @param {{ by?: Author }[]} tokens */
export function encodeAuthors(tokens) {
  /** @type {Author[]} */
  const authors = [];
  const by = tokens.map((token) => {
    const index = authors.findIndex((author) => isSameAuthor(author, token.by));
    return index < 0 && token.by ? authors.push(token.by) - 1 : index;
  });
  return { authors, by };
}

/** @param {Author} author @param {Author | undefined} other */
const isSameAuthor = (author, other) =>
  other !== undefined && author.session_id === other.session_id && author.step === other.step &&
  JSON.stringify(author.params) === JSON.stringify(other.params);

/** @param {number | null} prob */
export const rounded = (prob) => (prob === null ? null : Number(prob.toPrecision(PROB_DIGITS)));
