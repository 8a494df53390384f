// A course page's part of a link: what it hides, its task, and when that is done. Pure.
//
// Course: {hide: [name of a control, …], task, done: {what, count} or null, embed}
//         what: "tokens" (characters written), "choices" (of another candidate than the pick) or
//         "steps" (moves of the training step)

export const CONTROLS = ["input", "play", "step", "regenerate", "speed", "sampling", "bars", "vocabulary"];
export const TASK_MAX = 200;
const DONE = /^(tokens|choices|steps):(\d{1,3})$/;

/** The parameters of a link, as pairs. */
export function encode({ hide = [], task = "", done = null, embed = false }) {
  const pairs = [];
  if (embed) pairs.push(["view", "embed"]);
  if (hide.length) pairs.push(["hide", hide.join(".")]);
  if (task) pairs.push(["task", task]);
  if (done) pairs.push(["done", `${done.what}:${done.count}`]);
  return pairs;
}

/** What a link tells of a course; names and conditions that aren't known are left out. */
export function decode(search) {
  const given = new URLSearchParams(search);
  const [, what, count] = DONE.exec(given.get("done") ?? "") ?? [];
  return {
    hide: (given.get("hide") ?? "").split(".").filter((name) => CONTROLS.includes(name)),
    task: Array.from(given.get("task") ?? "").slice(0, TASK_MAX).join(""),
    done: Number(count) ? { what, count: Number(count) } : null,
    embed: given.get("view") === "embed",
  };
}

/** What has been done for a task, before anything was: {tokens, choices, steps}. */
export const begun = { tokens: 0, choices: 0, steps: 0 };

/** The same after a change of the page.
 * before, after: {session_id, step, written, chosen}: how many tokens, and those chosen otherwise. */
export function advance(progress, before, after) {
  const same = before.session_id === after.session_id;
  return {
    tokens: Math.max(progress.tokens, after.written),
    choices: progress.choices + Math.max(0, after.chosen - before.chosen),
    steps: progress.steps + (same && before.step !== null && before.step !== after.step ? 1 : 0),
  };
}
