// What happens, as events for a page around this one; README.md lists them. Pure: embed.js tells
// them. What the visitor typed is not among them; what the model wrote is.

import { completion } from "../playback/trace.js";

const nothing = { ready: false, steps: [], completion: null };

/** What can be told of a player. */
const standing = ({ session, trace }) => ({
  ready: Boolean(session),
  steps: trace.steps,
  completion: session ? completion(trace, session.end_token) : null,
});

/** The events that led from one standing to the next, in the order in which they happened. */
export function events(before, after) {
  const told = after.ready && !before.ready ? [{ type: "ready" }] : [];
  // What a link brought along was written elsewhere: its odds aren't known.
  const written = after.steps.slice(common(before.steps, after.steps)).filter(({ prob }) => prob !== null);
  for (const { position, token, instead_of } of written) {
    told.push({ type: "step", position, token, length: position + 1 });
    if (instead_of !== undefined) told.push({ type: "choice", position, token, instead_of });
  }
  if (written.length && after.completion) told.push({ type: "done", reason: after.completion });
  return told;
}

function common(before, after) {
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  return same;
}

/** A view of a player that tells each event of it. */
export class Teller {
  #tell;
  #before = nothing;

  constructor(tell) {
    this.#tell = tell;
  }

  draw(player) {
    const after = standing(player);
    events(this.#before, after).forEach(this.#tell);
    this.#before = after;
  }
}
