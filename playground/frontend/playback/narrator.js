// What a screen reader is told of the characters as they come, at a pace that one can follow.
// Pure: no DOM, no clock of its own.

import { say } from "../shared/messages.js";
import { label } from "../shared/text.js";

const GATHER_MS = 2500; // what is written meanwhile is one sentence
const ONE_MS = 1500; // about what "chose e, 41 percent" takes to be read

// Characters that a voice passes over, or that can't be seen.
const NAMES = {
  " ": "access.space", "\n": "access.new_line", "\t": "access.tab", "\u00a0": "access.space",
  ".": "access.period", ",": "access.comma", ":": "access.colon", ";": "access.semicolon",
  "!": "access.exclamation_mark", "?": "access.question_mark", "-": "access.hyphen",
  "'": "access.apostrophe", '"': "access.quotation_mark", "(": "access.bracket_opens",
  ")": "access.bracket_closes", "_": "access.underscore", "`": "access.backtick",
};

const VISIBLE = /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u;

export class Narrator {
  /** When there will be something to say, or null: `hear` then, even if nothing changes. */
  due = null;

  #prompt = null;
  #steps = [];
  #untold = []; // steps
  #since = 0; // the first of them came
  #quiet_until = -Infinity; // the last sentence is still being read

  /** Hear what is so now, a player; returns the sentence to say, or null. */
  hear({ trace, playing, interval_ms }, now) {
    if (trace.prompt !== this.#prompt || !goes_on(this.#steps, trace.steps)) this.#untold = [];
    else if (trace.steps.length > this.#steps.length) {
      if (this.#untold.length === 0) this.#since = now;
      this.#untold.push(trace.steps.at(-1));
    }
    this.#prompt = trace.prompt;
    this.#steps = trace.steps;
    return this.#tell(playing && interval_ms < ONE_MS ? GATHER_MS : 0, now);
  }

  #tell(gather_ms, now) {
    const due = Math.max(this.#quiet_until, this.#since + gather_ms);
    this.due = this.#untold.length && due > now ? due : null;
    if (this.#untold.length === 0 || due > now) return null;
    const told = this.#untold.splice(0);
    this.#quiet_until = now + (told.length === 1 ? ONE_MS : GATHER_MS);
    return told.length === 1 ? chose(told[0]) : wrote(told);
  }
}

/** Whether nothing happened, or one more character was written. What a link brings was written
 * before, and is no news. */
function goes_on(before, after) {
  if (after === before) return true;
  return after.length === before.length + 1 && after.at(-2) === before.at(-1) && after.at(-1).prob !== null;
}

function chose({ token, prob }) {
  const percent = Math.round(100 * prob);
  const character = spoken(token);
  if (percent < 1) return say("access.chose_below", { character, percent: 1 });
  if (percent === 100 && prob < 1) return say("access.chose_above", { character, percent: 99 });
  return say("access.chose", { character, percent });
}

/** As a text: its spaces are heard, what else can't be seen is named. */
function wrote(steps) {
  const heard = steps.map(({ token }) => (token === " " || VISIBLE.test(token) ? token : ` ${spoken(token)} `));
  return say("access.wrote", { text: heard.join("").replace(/ +/g, " ").trim() || spoken(" ") });
}

/** The name of a single character. */
function spoken(character) {
  if (character in NAMES) return say(NAMES[character]);
  const capital = character !== character.toLowerCase();
  return capital ? say("access.capital", { letter: character }) : label(character);
}
