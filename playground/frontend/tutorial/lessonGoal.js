// Whether a lesson's goal was reached since the lesson was opened.

/** @import { Progress } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { advance, noProgress } from "../sharing/course.js";
import { stateOf } from "../sharing/task.js";

export class LessonGoal {
  #what;
  #count;
  /** @type {Progress & { edits: number }} */
  #progress = { ...noProgress, edits: 0 };
  #state;
  #prompt;

  /** @param {string} goal such as "tokens:3": see lessons/reader.py @param {Player} player as it is now */
  constructor(goal, player) {
    const [what, count] = goal.split(":");
    this.#what = /** @type {keyof Progress | "edits"} */ (what);
    this.#count = Number(count);
    this.#state = stateOf(player);
    this.#prompt = player.trace.text;
  }

  /** Count what has changed; returns whether the goal is reached.
   * @param {Player} player */
  update(player) {
    const state = stateOf(player);
    const { text } = player.trace;
    const edits = this.#progress.edits + (text === this.#prompt ? 0 : 1);
    this.#progress = { ...advance(this.#progress, this.#state, state), edits };
    this.#state = state;
    this.#prompt = text;
    return this.#progress[this.#what] >= this.#count;
  }
}
