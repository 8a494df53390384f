// The course page's part of a link: hidden controls, task and goal. Pure.
//
// Course: {hide: [name of a control, …], task, done: Goal or null, embed}
// Goal:   {what, count}; what: "tokens" (characters generated), "choices" (of another candidate than
//         the pick) or "steps" (moves of the training step)

/** @import { Course, Goal, Progress, TaskState } from "../types.js" */

import { config } from "../shared/config.js";
import { repairQuery } from "./repair.js";

const GOAL = /^(\w+):(\d{1,3})$/;

/** The parameters of a link, as pairs.
 * @param {Partial<Course>} course */
export function encode({ hide = [], task = "", done = null, embed = false }) {
  /** @type {[string, string][]} */
  const pairs = [];
  if (embed) pairs.push(["view", "embed"]);
  if (hide.length) pairs.push(["hide", hide.join(".")]);
  if (task) pairs.push(["task", task]);
  if (done) pairs.push(["done", `${done.what}:${done.count}`]);
  return pairs;
}

/** The course of a link; unknown names and goals are left out.
 * @param {string} search @returns {Course} */
export function decode(search) {
  const given = new URLSearchParams(repairQuery(search));
  const [, what, count] = GOAL.exec(given.get("done") ?? "") ?? [];
  return {
    hide: (given.get("hide") ?? "").split(".").filter((name) => config.course.controls.includes(name)),
    task: Array.from(given.get("task") ?? "").slice(0, config.course.task_max).join(""),
    done: Object.hasOwn(config.course.goals, what) && Number(count) ? { what: /** @type {Goal["what"]} */ (what), count: Number(count) } : null,
    embed: given.get("view") === "embed",
  };
}

/** The controls that a goal is reached with; any of them will do. */
const MEANS = { tokens: ["play", "step", "bars"], choices: ["bars"], steps: ["training_step"] };

/** Whether a goal can be reached on a page that hides some controls.
 * @param {Goal["what"]} what @param {string[]} hide */
export const isReachable = (what, hide) => MEANS[what].some((control) => !hide.includes(control));

/** @type {Progress} */
export const noProgress = { tokens: 0, choices: 0, steps: 0 };

/** Progress after a change of the page's state.
 * @param {Progress} progress @param {TaskState} before @param {TaskState} after @returns {Progress} */
export function advance(progress, before, after) {
  const isSameSession = before.session_id === after.session_id;
  const hasMoved = isSameSession && before.step !== null && before.step !== after.step;
  return {
    tokens: Math.max(progress.tokens, after.written),
    choices: progress.choices + Math.max(0, after.chosen - before.chosen),
    steps: progress.steps + (hasMoved ? 1 : 0),
  };
}
