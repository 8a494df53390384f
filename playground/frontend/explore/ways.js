// Ways to write on from one place: texts with the probability of each token, and what they share. Pure.

/** @import { BeamsResponse, Step, Trace } from "../types.js" */

import { cut } from "../playback/trace.js";
import { toBits } from "../shared/bits.js";

/** bits: -log2 of its probability as the model has it, at temperature 1.
 * @typedef {{ steps: Step[], bits: number }} Way */

/** A token as a beam has it. id: of models whose tokens are pieces of words.
 * @typedef {{ text: string, id?: number, bytes?: number[] }} WayToken */

/** A token of one of the texts that three ways followed. depth: its place; row: in the drawing. bits: of
 * the text up to it. rank: among those that beam search kept, from 0; null for none of them. isDropped:
 * beam search kept none that goes on from it. ways: indices of the ways that end with it or went
 * through it: top choice, sampling, the best beam.
 * @typedef {{ parent: number | null, depth: number, row: number, step: Step, bits: number, rank: number | null, isDropped: boolean, ways: number[] }} WayNode */

/** What beam search kept at each depth, and the other ways, as one tree: parents before children.
 * @param {BeamsResponse["depths"]} depths @param {(Step & { logprob: number })[][]} others top choice, sampling
 * @param {(token: WayToken, depth: number) => Step} createStep @returns {WayNode[]} */
export function treeOf(depths, others, createStep) {
  /** @type {WayNode[]} */
  const nodes = [];
  /** @type {number[][]} */
  const kept = [];
  depths.forEach((beams, depth) => {
    const goesOn = new Set(depths[depth + 1]?.map(({ parent }) => parent));
    kept.push(beams.map(({ parent, token, token_id: id, bytes, logprob }, rank) => nodes.push({
      parent: depth === 0 ? null : kept[depth - 1][parent],
      ...{ depth, row: rank, rank, bits: bitsOf([logprob]), ways: [] },
      step: createStep({ text: token, id, bytes }, depth),
      isDropped: depth + 1 < depths.length && !goesOn.has(rank),
    }) - 1));
  });
  const rows = Math.max(...depths.map((beams) => beams.length));
  others.forEach((steps, way) => {
    /** @type {number | null} */
    let parent = null;
    let sum = 0;
    for (const [depth, step] of steps.entries()) {
      sum += step.logprob;
      let index = nodes.findIndex((node) => node.parent === parent && node.depth === depth && node.step.text === step.text);
      if (index < 0) index = nodes.push({ parent, depth, row: rows + way, step, bits: bitsOf([sum]), rank: null, isDropped: false, ways: [] }) - 1;
      nodes[index].ways.push(way);
      parent = index;
    }
  });
  for (let at = kept.at(-1)?.[0] ?? null; at !== null; at = nodes[at].parent) nodes[at].ways.push(others.length);
  return nodes;
}

/** The nodes of a text, from its first token.
 * @param {WayNode[]} nodes @param {number} index of the last @returns {WayNode[]} */
export function pathTo(nodes, index) {
  const { parent } = nodes[index];
  return [...(parent === null ? [] : pathTo(nodes, parent)), nodes[index]];
}

/** Where a key leads to in a tree; null where it is none for that.
 * @param {WayNode[]} nodes @param {number} index @param {string} key */
export function neighbourOf(nodes, index, key) {
  const { parent, depth, row } = nodes[index];
  const column = nodes.map((node, at) => ({ ...node, at })).filter((node) => node.depth === depth).sort((a, b) => a.row - b.row);
  const place = column.findIndex(({ at }) => at === index);
  const children = nodes.map((node, at) => ({ ...node, at })).filter((node) => node.parent === index);
  children.sort((a, b) => Number(b.row === row) - Number(a.row === row) || a.row - b.row);
  /** @type {Record<string, number | null | undefined>} */
  const targets = {
    ArrowLeft: parent, ArrowRight: children[0]?.at, ArrowUp: column[place - 1]?.at, ArrowDown: column[place + 1]?.at,
    Home: nodes.indexOf(pathTo(nodes, index)[0]), End: nodes.findLastIndex(({ rank }) => rank === 0),
  };
  return key in targets ? targets[key] ?? index : null;
}

/** The tokens of one of the beams, each with the probability that it had after those before it.
 * @param {BeamsResponse["depths"]} depths @param {number} index in the last depth
 * @returns {(WayToken & { prob: number })[]} */
export function beamTokens(depths, index) {
  const tokens = [];
  let at = index;
  for (let depth = depths.length - 1; depth >= 0; depth -= 1) {
    const { parent, token, token_id: id, bytes, logprob } = depths[depth][at];
    const before = depth === 0 ? 0 : depths[depth - 1][parent].logprob;
    tokens.push({ text: token, id, bytes, prob: Math.exp(logprob - before) });
    at = parent;
  }
  return tokens.reverse();
}

/** Bits of natural logarithms of probabilities.
 * @param {number[]} logprobs */
export const bitsOf = (logprobs) => Math.max(0, toBits(-logprobs.reduce((sum, logprob) => sum + logprob, 0)));

/** How many tokens at the beginning of each way another one has, too.
 * @param {{ text: string }[][]} ways */
export const sharedLengths = (ways) =>
  ways.map((way, index) => Math.max(0, ...ways.filter((_, at) => at !== index).map((other) => commonLength(way, other))));

/** How many tokens all ways begin with.
 * @param {{ text: string }[][]} ways */
export const commonToAll = ([first, ...others]) => Math.min(first.length, ...others.map((other) => commonLength(first, other)));

/** A text up to a place, and one of the ways from there.
 * @param {Trace} trace @param {number} position @param {Step[]} steps @returns {Trace} */
export function continued(trace, position, steps) {
  const before = cut(trace, position, steps[0]?.by);
  return { ...before, steps: [...before.steps, ...steps] };
}

/** @param {{ text: string }[]} one @param {{ text: string }[]} other */
function commonLength(one, other) {
  let length = 0;
  while (length < one.length && one[length].text === other[length]?.text) length += 1;
  return length;
}
