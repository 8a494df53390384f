// The text on screen: what the model sees at full opacity, the rest faded.

import { element, write } from "../shared/dom.js";
import * as Trace from "./trace.js";

export class Output {
  #region;
  #faded = element("span", "typed outside");
  #typed = element("span", "typed");
  #written = []; // one element a generated character
  #steps = [];

  constructor(region) {
    this.#region = region;
    region.replaceChildren(this.#faded, this.#typed, cursor());
  }

  draw(player) {
    const { prompt, steps } = player.trace;
    const window_start = Math.max(0, prompt.length + steps.length - (player.session?.block_size ?? 0));
    const follow = isAtEnd(this.#region);
    write(this.#faded, prompt.slice(0, window_start).join(""));
    write(this.#typed, prompt.slice(window_start).join(""));
    this.#draw_written(steps, prompt.length, window_start);
    this.#region.dataset.playing = player.playing;
    if (follow) this.#region.scrollTop = this.#region.scrollHeight;
  }

  #draw_written(steps, prompt_length, window_start) {
    let same = 0;
    while (same < steps.length && this.#steps[same] === steps[same]) same += 1;
    for (const gone of this.#written.splice(same)) gone.remove();
    for (const step of steps.slice(same)) {
      const made = element("span", "generated", step.token);
      this.#region.insertBefore(made, this.#region.lastChild);
      this.#written.push(made);
    }
    this.#written.forEach((made, index) =>
      made.classList.toggle("outside", prompt_length + index < window_start));
    this.#steps = steps;
  }
}

function cursor() {
  const made = element("span", "cursor");
  made.ariaHidden = "true";
  return made;
}

function isAtEnd(element) {
  return element.scrollTop + element.clientHeight >= element.scrollHeight - 24;
}
