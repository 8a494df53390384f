// Changes of a player as events for the embedding page; README.md lists them. The prompt is in none
// of them, the tokens that the model wrote are.

/** @import { Completion, PlaygroundEvent, Step } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { completion } from "../playback/trace.js";

/** What of a player the events are derived from.
 * @typedef {{ ready: boolean, steps: Step[], completion: Completion }} EventState */

/** @param {Pick<Player, "session" | "trace">} player @returns {EventState} */
const stateOf = ({ session, trace }) => ({
  ready: Boolean(session),
  steps: trace.steps,
  completion: session ? completion(trace, session.end_tokens) : null,
});

/** The events between two states, in order. Pure.
 * @param {EventState} before @param {EventState} after */
export function diffEvents(before, after) {
  /** @type {PlaygroundEvent[]} */
  const events = after.ready && !before.ready ? [{ type: "ready" }] : [];
  // Steps restored from a link have no probability: they were generated elsewhere.
  const added = after.steps.slice(commonLength(before.steps, after.steps)).filter(({ prob }) => prob !== null);
  for (const { position, text: token, insteadOf } of added) {
    events.push({ type: "step", position, token, length: position + 1 });
    if (insteadOf !== undefined) events.push({ type: "choice", position, token, instead_of: insteadOf });
  }
  if (added.length && after.completion) events.push({ type: "done", reason: after.completion });
  return events;
}

/** The length of the common prefix.
 * @param {Step[]} before @param {Step[]} after */
function commonLength(before, after) {
  let length = 0;
  while (length < before.length && before[length] === after[length]) length += 1;
  return length;
}

/** A view that emits an event for each change of a player. */
export class EventEmitter {
  #emit;
  /** @type {EventState} */
  #state = { ready: false, steps: [], completion: null };

  /** @param {(event: PlaygroundEvent) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** @param {Pick<Player, "session" | "trace">} player */
  draw(player) {
    const state = stateOf(player);
    diffEvents(this.#state, state).forEach((event) => this.#emit(event));
    this.#state = state;
  }
}
