// The branches of a text: what was written and left again. An immutable value; pure: no DOM, no network.
//
// Branch:   {id, parent, at, typed, tokens, name, isPinned}
//           tokens: those after the first `at`, which it shares with its parent; typed: so many of all
//           its tokens are of the prompt
// Branches: {list: [Branch, …], nextId}

/** @import { Branch, BranchToken, Branches, Step, Token, Trace } from "../types.js" */

import { characters } from "../shared/text.js";
import { textOf } from "./tokens.js";
import { probOf, restore, wasChosen } from "./trace.js";

export const BRANCHES_MAX = 30; // of a text; the oldest go that are neither named nor pinned
export const NAME_MAX = 60; // characters of a name

/** A whole text, from its first token.
 * @typedef {{ tokens: BranchToken[], typed: number }} Path */

/** The tokens of a text, typed and written.
 * @param {Trace} trace @returns {Path} */
export function pathOf({ prompt, steps }) {
  return { tokens: [...promptTokens(prompt), ...steps.map(tokenOf)], typed: prompt.length };
}

/** Tokens of a prompt, which may be long: one object for all that are alike.
 * @param {Token[]} prompt */
export function promptTokens(prompt) {
  /** @type {Map<Token, BranchToken>} */
  const tokens = new Map();
  for (const token of new Set(prompt)) tokens.set(token, { ...token, prob: null, isChosen: false });
  return prompt.map((token) => /** @type {BranchToken} */ (tokens.get(token)));
}

/** @param {Step} step @returns {BranchToken} */
const tokenOf = ({ id, text, bytes, by, ...step }) =>
  ({ id, text, ...(bytes && { bytes }), prob: probOf(step), isChosen: wasChosen(step), by });

/** The text of a path as a trace without known distributions.
 * @param {Path} path @param {Branches} branches that it belongs to @returns {Trace} */
export function traceOf({ tokens, typed }, branches) {
  const written = tokens.slice(typed);
  const chosen = written.flatMap(({ isChosen }, index) => (isChosen ? [index] : []));
  const prompt = textOf(tokens.slice(0, typed));
  const authors = written.map(({ by }) => by);
  return { ...restore(prompt, written, chosen, authors, written.map(({ prob }) => prob)), branches };
}

/** A branch by its id. Throws RangeError where there is none.
 * @param {Branches} branches @param {number} id @returns {Branch} */
export function branchOf({ list }, id) {
  const branch = list.find((one) => one.id === id);
  if (!branch) throw new RangeError(`there is no branch ${id}`);
  return branch;
}

/** The whole text of a branch.
 * @param {Branches} branches @param {number} id @returns {Path} */
export function path(branches, id) {
  const { parent, at, typed, tokens } = branchOf(branches, id);
  if (parent === null) return { tokens, typed };
  return { tokens: [...path(branches, parent).tokens.slice(0, at), ...tokens], typed };
}

/** Keep a text as a branch, unless one begins with it; one that it begins with grows.
 * @param {Branches} branches @param {Path} kept
 * @returns {{ branches: Branches, id: number | null }} id: of the branch that holds it; null for an empty text */
export function keep(branches, kept) {
  const { list, nextId } = branches;
  if (kept.tokens.length === 0) return { branches, id: null };
  const found = list.map((branch) => {
    const other = path(branches, branch.id);
    return { branch, length: other.tokens.length, shared: commonLength(other, kept) };
  });
  // The one that shares most; among those, one that ends there and can grow.
  const [best] = found.filter(({ shared }) => shared > 0).sort((one, other) =>
    other.shared - one.shared || Number(other.length === other.shared) - Number(one.length === one.shared));
  if (best && best.shared === kept.tokens.length) return { branches, id: best.branch.id };
  if (best && best.shared === best.length) {
    const grown = { ...best.branch, typed: kept.typed, tokens: kept.tokens.slice(best.branch.at) };
    return { branches: replace(branches, grown), id: grown.id };
  }
  const at = best?.shared ?? 0;
  const added = { id: nextId, parent: best?.branch.id ?? null, at, typed: kept.typed, tokens: kept.tokens.slice(at), name: "", isPinned: false };
  return { branches: bounded({ list: [...list, added], nextId: nextId + 1 }), id: nextId };
}

/** @param {Branches} branches @param {number} id @param {string} name what is longer is cut off */
export const rename = (branches, id, name) =>
  replace(branches, { ...branchOf(branches, id), name: characters(name.replace(/\s+/g, " ").trim()).slice(0, NAME_MAX).join("") });

/** The name of the branch that a text is; "" without one.
 * @param {Trace} trace */
export function nameOf(trace) {
  const own = pathOf(trace);
  const { branches, id } = keep(trace.branches, own);
  return id !== null && path(branches, id).tokens.length === own.tokens.length ? branchOf(branches, id).name : "";
}

/** The branches with a text among them, under a name unless it has one, or belongs to a longer one.
 * @param {Trace} trace @param {string} name */
export function nameText(trace, name) {
  const own = pathOf(trace);
  const { branches, id } = keep(trace.branches, own);
  const isFree = id !== null && path(branches, id).tokens.length === own.tokens.length && !branchOf(branches, id).name;
  return isFree ? rename(branches, id, name) : trace.branches;
}

/** @param {Branches} branches @param {number} id @param {boolean} isPinned */
export const pin = (branches, id, isPinned) => replace(branches, { ...branchOf(branches, id), isPinned });

/** Without a branch; those that begin in it keep their whole text.
 * @param {Branches} branches @param {number} id @returns {Branches} */
export function remove(branches, id) {
  const removed = branchOf(branches, id);
  // The one that begins last takes over what the others share with it.
  const [heir = null] = branches.list.filter(({ parent, at }) => parent === id && at > removed.at)
    .sort((one, other) => other.at - one.at).map((branch) => branch.id);
  const list = branches.list.filter((branch) => branch.id !== id).map((branch) => {
    if (branch.parent !== id) return branch;
    if (branch.at <= removed.at) return { ...branch, parent: removed.parent };
    if (heir !== null && branch.id !== heir) return { ...branch, ...attached(branches, branch, heir) };
    const { tokens } = path(branches, branch.id);
    return { ...branch, parent: removed.parent, at: removed.at, tokens: tokens.slice(removed.at) };
  });
  return { ...branches, list };
}

/** A branch as a child of a sibling.
 * @param {Branches} branches @param {Branch} branch @param {number} heir */
function attached(branches, branch, heir) {
  const whole = path(branches, branch.id);
  const at = commonLength(path(branches, heir), whole);
  return { parent: heir, at, tokens: whole.tokens.slice(at) };
}

/** The branches in the order of a tree, each after its parent, with how deep it lies.
 * @param {Branches} branches @returns {{ branch: Branch, depth: number }[]} */
export function rowsOf({ list }) {
  /** @param {number | null} parent @param {number} depth @returns {{ branch: Branch, depth: number }[]} */
  const below = (parent, depth) => list.filter((branch) => branch.parent === parent)
    .sort((one, other) => other.at - one.at || one.id - other.id)
    .flatMap((branch) => [{ branch, depth }, ...below(branch.id, depth + 1)]);
  return below(null, 0);
}

/** What the picks of a text have cost: the sum of -log2 of their probabilities, null where that of one isn't known.
 * @param {Path} path */
export function bitsOf({ tokens, typed }) {
  let bits = 0;
  for (const { prob } of tokens.slice(typed)) {
    if (prob === null || prob <= 0) return null;
    bits -= Math.log2(prob);
  }
  return bits;
}

/** @param {Path} one @param {Path} other */
function commonLength(one, other) {
  const most = Math.min(one.tokens.length, other.tokens.length);
  let length = 0;
  while (length < most && one.tokens[length].text === other.tokens[length].text && (length < one.typed) === (length < other.typed)) length += 1;
  return length;
}

/** @param {Branches} branches @param {Branch} changed */
const replace = (branches, changed) =>
  ({ ...branches, list: branches.list.map((branch) => (branch.id === changed.id ? changed : branch)) });

/** @param {Branches} branches */
function bounded(branches) {
  if (branches.list.length <= BRANCHES_MAX) return branches;
  const older = branches.list.slice(0, -1);
  const oldest = older.find(({ name, isPinned }) => !name && !isPinned) ?? older.find(({ isPinned }) => !isPinned) ?? older[0];
  return remove(branches, oldest.id);
}
