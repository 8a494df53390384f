// The task of a course page: its text, its progress, and the controls that the page hides.

/** @import { Course, Goal, TaskState } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { host } from "../embed/host.js";
import { wasChosen } from "../playback/trace.js";
import { find, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { advance, noProgress } from "./course.js";

export class Task {
  #root;
  /** @type {Goal | null} */
  #goal;
  #onDone;
  #progress = noProgress;
  /** @type {TaskState | null} */
  #state = null;

  /** @param {HTMLElement} root @param {Course} course
   * @param {() => void} onDone called once, when the goal is reached */
  constructor(root, { task, done, hide }, onDone) {
    this.#root = root;
    this.#goal = done;
    this.#onDone = onDone;
    host.root.dataset.hide = hide.join(" ");
    root.hidden = !task && !done;
    setText(find(root, ".task__words"), task);
  }

  /** Count from now on: the page is where the task begins.
   * @param {Player} player */
  begin(player) {
    this.#state = stateOf(player);
    this.draw(player);
  }

  /** @param {Player} player */
  draw(player) {
    if (!this.#goal || !this.#state || this.#root.dataset.done) return;
    const state = stateOf(player);
    this.#progress = advance(this.#progress, this.#state, state);
    this.#state = state;
    const { what, count } = this.#goal;
    const done = Math.min(count, this.#progress[what]);
    const text = done < count ? translate("course.progress", { done, total: count }) : translate("course.done");
    setText(find(this.#root, ".task__progress"), text);
    if (done < count) return;
    this.#root.dataset.done = "true";
    this.#onDone();
  }
}

/** @param {Player} player @returns {TaskState} */
export const stateOf = ({ session, step, trace }) => ({
  session_id: session?.session_id,
  step,
  written: trace.steps.length,
  chosen: trace.steps.filter(wasChosen).length,
});
