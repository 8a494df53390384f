// The ARIA live region that announces generated characters.

/** @import { Player } from "./player.js" */

import { createElement } from "../shared/dom.js";
import { AnnouncementQueue } from "./announcements.js";

export class LiveRegion {
  #region;
  #queue = new AnnouncementQueue();
  #timer = 0;

  /** @param {HTMLElement} region */
  constructor(region) {
    this.#region = region;
  }

  /** @param {Player} player */
  draw(player) {
    clearTimeout(this.#timer);
    const now = performance.now();
    const announcement = this.#queue.update(player, now);
    // A new element: an announcement that equals the last one is read again.
    if (announcement !== null) this.#region.replaceChildren(createElement("span", "", announcement));
    else if (player.trace.steps.length === 0) this.#region.replaceChildren();
    const { due } = this.#queue;
    if (due !== null) this.#timer = setTimeout(() => this.draw(player), due - now);
  }
}
