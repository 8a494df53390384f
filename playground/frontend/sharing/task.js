// The task of a course page: its sentence, how far it is, and that it is done.

import { advance, begun } from "./course.js";
import { write } from "../shared/dom.js";
import { top } from "../embed/embed.js";
import { say } from "../shared/messages.js";
import { was_chosen } from "../playback/trace.js";

export class Task {
  #root;
  #done; // {what, count} or null
  #finished;
  #progress = begun;
  #before = null;

  /** course: as a link tells it; finished(): called once, when the task is done. */
  constructor(root, { task, done, hide }, finished) {
    this.#root = root;
    this.#done = done;
    this.#finished = finished;
    top.dataset.hide = hide.join(" ");
    root.hidden = !task && !done;
    write(root.querySelector(".task__words"), task);
  }

  /** From now on what the visitor does counts: the page has been brought to where the task begins. */
  begin(player) {
    this.#before = state(player);
    this.draw(player);
  }

  draw(player) {
    if (!this.#done || !this.#before || this.#root.dataset.done) return;
    const after = state(player);
    this.#progress = advance(this.#progress, this.#before, after);
    this.#before = after;
    const { what, count } = this.#done;
    const done = Math.min(count, this.#progress[what]);
    write(this.#root.querySelector(".task__progress"), done < count ? say("course.progress", { done, total: count }) : say("course.done"));
    if (done < count) return;
    this.#root.dataset.done = "true";
    this.#finished();
  }
}

const state = ({ session, step, trace }) => ({
  session_id: session?.session_id,
  step,
  written: trace.steps.length,
  chosen: trace.steps.filter(was_chosen).length,
});
