// The live region: what a screen reader reads while the model writes.

import { element } from "../shared/dom.js";
import { Narrator } from "./narrator.js";

export class Voice {
  #region;
  #narrator = new Narrator();
  #timer = 0;

  constructor(region) {
    this.#region = region;
  }

  draw(player) {
    clearTimeout(this.#timer);
    const now = performance.now();
    const said = this.#narrator.hear(player, now);
    // A new element: the same sentence again is read again.
    if (said !== null) this.#region.replaceChildren(element("span", "", said));
    else if (player.trace.steps.length === 0) this.#region.replaceChildren();
    const { due } = this.#narrator;
    if (due !== null) this.#timer = setTimeout(() => this.draw(player), due - now);
  }
}
