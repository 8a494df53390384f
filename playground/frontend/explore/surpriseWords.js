// Sentences about a scored text, and the lists of its panel.

/** @import { ScoreResponse } from "../types.js" */
/** @import { ScoredToken } from "./surprise.js" */

import { createElement, find, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { characterLabel, formatPercent, tokenLabel, visibleText } from "../shared/text.js";
import { textOf } from "../playback/tokens.js";
import { LEVELS } from "./surprise.js";

const BEFORE = 14; // tokens that a listed place shows before it
const AFTER = 8;

/** @param {ScoreResponse} response @param {number | null} loss bits a character on the validation text */
export function summaryOf({ scored, total_bits: total, bits_per_character: mean }, loss) {
  const sum = translate("surprise.sum", { count: scored, total: formatNumber(total ?? 0, 1), mean: formatNumber(mean ?? 0, 2) });
  if (loss === null) return `${sum} ${translate("surprise.unmeasured")}`;
  const key = (mean ?? 0) > loss ? "surprise.harder" : "surprise.easier";
  return `${sum} ${translate(key, { bits: formatNumber(loss, 2) })}`;
}

/** How the scored text differs from the visitor's, and its score from an exact one; "" where neither does.
 * @param {ScoreResponse} response @param {{ length: number, offset: number }} text offset: tokens left out before it
 * @param {number} size of the window @param {string[]} dropped characters that were left out */
export function notesOf({ context_min: least }, { length, offset }, size, dropped) {
  const without = dropped.length ? translate("surprise.left_out", { characters: dropped.map(characterLabel).join(" ") }) : "";
  const cut = offset > 0 ? translate("surprise.cut", { count: length }) : "";
  const approximate = least < size ? translate("surprise.approximate", { count: least }) : "";
  return [without, cut, approximate].filter(Boolean).join(" ");
}

/** A token with what was said of it, in one sentence.
 * @param {ScoredToken | undefined} token */
export function describeToken(token) {
  if (!token) return "";
  const choice = token.rank === 1 || !token.first ? "" : ` ${tokenLabel(token.first.text)}`;
  return `${tokenLabel(token.text)}: ${readingOf(token)}${choice}`;
}

/** What was said of a token, as a line of text and chips. */
export class Reading {
  #parts;

  /** @param {HTMLElement} element */
  constructor(element) {
    const part = (/** @type {string} */ name) => find(element, `.surprise__${name}`);
    this.#parts = { token: part("token"), reading: part("odds"), first: part("first"), firstReading: part("first-odds") };
  }

  /** @param {ScoredToken | undefined} scored */
  draw(scored) {
    if (!scored) return;
    const { token, reading, first, firstReading } = this.#parts;
    const choice = scored.rank === 1 ? null : scored.first;
    setText(token, tokenLabel(scored.text));
    setText(reading, readingOf(scored));
    first.hidden = !choice;
    setText(first, choice ? tokenLabel(choice.text) : "");
    setText(firstReading, choice ? `(${formatPercent(choice.prob)})` : "");
  }
}

/** @param {ScoredToken} token */
function readingOf({ bits, prob, rank }) {
  if (bits === null || prob === null) return translate("surprise.not_scored");
  const values = { bits: formatNumber(bits, 1), percent: formatPercent(prob) };
  return translate(rank === 1 ? "surprise.reading_first" : "surprise.reading", values);
}

/** The tints with the bits that they stand for. */
export function createLegend() {
  const least = [0, ...LEVELS];
  return least.map((low, level) => {
    const item = createElement("li", "surprise__level");
    const high = least[level + 1];
    const sample = createElement("span", `surprise__run surprise__run--${level}`, translate("surprise.sample"));
    sample.setAttribute("aria-hidden", "true");
    const name = high === undefined ? translate("surprise.level_last", { low }) : translate("surprise.level", { low, high });
    item.append(sample, " ", name);
    return item;
  });
}

/** A place in the list of the hardest ones, as a button.
 * @param {ScoredToken[]} tokens @param {number} index */
export function createExcerpt(tokens, index) {
  const item = createElement("li");
  const button = createElement("button", "surprise__place");
  button.type = "button";
  button.dataset.index = String(index);
  const excerpt = createElement("span", "surprise__excerpt", readable(tokens.slice(Math.max(0, index - BEFORE), index)));
  excerpt.setAttribute("translate", "no");
  excerpt.append(createElement("strong", "", readable([tokens[index]])), readable(tokens.slice(index + 1, index + 1 + AFTER)));
  button.append(excerpt, " ", createElement("span", "surprise__bits", translate("explore.bits", { bits: formatNumber(tokens[index].bits ?? 0, 1) })));
  item.append(button);
  return item;
}

/** Tokens in one line: what can't be seen in it is named.
 * @param {ScoredToken[]} tokens */
const readable = (tokens) => visibleText(textOf(tokens));
