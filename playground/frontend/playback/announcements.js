// Announcements of generated tokens for screen readers, at a pace that can be followed.
// Pure: no DOM, no clock of its own.

/** @import { PlayerState, Step, Token, Trace } from "../types.js" */

import { translate } from "../shared/messages.js";
import { characterLabel, characters, visibleText } from "../shared/text.js";
import { piecesOf } from "./tokens.js";
import { tokenAt } from "./trace.js";

const BATCH_MS = 2500; // steps within it are announced together
const SINGLE_MS = 1500; // about what "chose e, 41 percent" takes to be read

/** Characters that a voice skips, or that are invisible.
 * @type {Record<string, string>} */
const NAMES = {
  " ": "access.space", "\n": "access.new_line", "\t": "access.tab", "\u00a0": "access.space",
  ".": "access.period", ",": "access.comma", ":": "access.colon", ";": "access.semicolon",
  "!": "access.exclamation_mark", "?": "access.question_mark", "-": "access.hyphen",
  "'": "access.apostrophe", '"': "access.quotation_mark", "(": "access.bracket_opens",
  ")": "access.bracket_closes", "_": "access.underscore", "`": "access.backtick",
};

const VISIBLE = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
const BELOW_ALL_PERCENT = 99;

/** Decides when steps are announced: one by one, or in batches while they come faster than they can
 * be read. */
export class AnnouncementQueue {
  /** When `update` has to be called even if nothing changes; null: not before a change.
   * @type {number | null} */
  due = null;

  /** @type {Token[] | null} */
  #prompt = null;
  /** @type {Step[]} */
  #steps = [];
  /** @type {Step[]} */
  #queue = [];
  #queuedSince = 0;
  #busyUntil = -Infinity; // the last announcement is still being read

  /** Take over a player's state; returns the announcement to make now, or null.
   * @param {PlayerState} state @param {number} now in ms */
  update({ trace, playing, intervalMs }, now) {
    if (trace.prompt !== this.#prompt || !isContinued(this.#steps, trace.steps)) this.#queue = [];
    else if (trace.steps.length > this.#steps.length) {
      if (this.#queue.length === 0) this.#queuedSince = now;
      this.#queue.push(...trace.steps.slice(-1));
    }
    this.#prompt = trace.prompt;
    this.#steps = trace.steps;
    return this.#flush(playing && intervalMs < SINGLE_MS ? BATCH_MS : 0, now);
  }

  /** @param {number} batchMs @param {number} now */
  #flush(batchMs, now) {
    const due = Math.max(this.#busyUntil, this.#queuedSince + batchMs);
    this.due = this.#queue.length && due > now ? due : null;
    if (this.#queue.length === 0 || due > now) return null;
    const steps = this.#queue.splice(0);
    this.#busyUntil = now + (steps.length === 1 ? SINGLE_MS : BATCH_MS);
    return steps.length === 1 ? announceChoice(steps[0]) : announceText(steps);
  }
}

/** Whether nothing changed, or one more character was generated. Steps restored from a link, which
 * have no probability, are not announced.
 * @param {Step[]} before @param {Step[]} after */
function isContinued(before, after) {
  if (after === before) return true;
  const isLonger = after.length === before.length + 1 && after[before.length - 1] === before.at(-1);
  return isLonger && after.at(-1)?.prob !== null;
}

/** A position that the visitor went back to: its number, the token there and its probability.
 * @param {number} caret @param {number} length of the text @param {Trace} trace @param {Step | null} step */
export function announcePosition(caret, length, trace, step) {
  const character = tokenName(tokenAt(trace, caret) ?? "");
  const numbers = { number: caret + 1, length };
  const isOfTokens = trace.tokenizer !== null;
  if (!step) return translate(isOfTokens ? "access.place_first__tokens" : "access.place_first", { ...numbers, character });
  return translate(isOfTokens ? "access.place__tokens" : "access.place", { ...numbers, chance: chanceOf(character, step.prob) });
}

/** @param {Step} step */
const announceChoice = ({ text: token, prob }) => translate("access.chose", { chance: chanceOf(tokenName(token), prob) });

/** A token with its probability, as it is said.
 * @param {string} character its name @param {number | null} prob */
function chanceOf(character, prob) {
  const percent = Math.round(100 * (prob ?? 0));
  if (percent < 1) return translate("access.chance_below", { character, percent: 1 });
  if (percent === 100 && prob !== 1) return translate("access.chance_above", { character, percent: BELOW_ALL_PERCENT });
  return translate("access.chance", { character, percent });
}

/** Steps as a text, in which invisible characters other than spaces are named.
 * @param {Step[]} steps */
function announceText(steps) {
  const parts = piecesOf(steps).map((piece) => (piece === " " || VISIBLE.test(piece) ? piece : ` ${tokenName(piece)} `));
  return translate("access.wrote", { text: parts.join("").replace(/ +/g, " ").trim() || characterName(" ") });
}

/** The name of a token: of a part of a character its bytes, of one that can't be seen what it is.
 * @param {string} token */
function tokenName(token) {
  if (characters(token).length === 1) return characterName(token);
  const bytes = /^⟨([\dA-F ]+)⟩$/.exec(token)?.[1];
  return bytes ? translate("access.bytes", { bytes }) : visibleText(token);
}

/** @param {string} character */
function characterName(character) {
  if (character in NAMES) return translate(NAMES[character]);
  const isCapital = character !== character.toLowerCase();
  return isCapital ? translate("access.capital", { letter: character }) : characterLabel(character);
}
