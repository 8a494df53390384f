// The ARIA live region that announces generated characters.

/** @import { Player } from "./player.js" */

import { createElement, setText } from "../shared/dom.js";
import { AnnouncementQueue, announcePosition } from "./announcements.js";

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
    if (player.caret !== null) {
      if (!player.isStale) setText(this.#region, announcePosition(player.caret, player.length, player.trace, player.next));
      return;
    }
    const now = performance.now();
    const announcement = this.#queue.update(player, now);
    // A new element: an announcement that equals the last one is read again.
    if (announcement !== null) this.#region.replaceChildren(createElement("span", "", announcement));
    else if (player.trace.steps.length === 0) this.#region.replaceChildren();
    const { due } = this.#queue;
    if (due !== null) this.#timer = setTimeout(() => this.draw(player), due - now);
  }
}
