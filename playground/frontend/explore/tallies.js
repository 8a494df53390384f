// One token drawn many times: tallies that grow toward the probabilities, draw by draw.

/** @import { DrawsResponse } from "../types.js" */
/** @import { TokenProbs } from "./draws.js" */

import { config } from "../shared/config.js";
import { createElement, find, prefersStillness, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { formatPercent, tokenLabel } from "../shared/text.js";
import { tally } from "./draws.js";
import { ProbabilityRows } from "./probabilityRows.js";

const GROWTH_MS = 1500;

export class Tallies {
  #root;
  #rows;
  #said;
  #frame = 0;

  /** @param {HTMLElement} root @param {(n: number) => void} onDraw */
  constructor(root, onDraw) {
    this.#root = root;
    this.#rows = new ProbabilityRows(find(root, ".odds"));
    this.#said = find(root, "[role=status]");
    const buttons = config.sampling.draws.map((n) => {
      const button = createElement("button", "button", translate("sampling.draw_times", { count: n }));
      button.type = "button";
      button.addEventListener("click", () => onDraw(n));
      return button;
    });
    find(root, ".sampling__buttons").replaceChildren(...buttons);
  }

  /** Forget the draws: they were of other probabilities. */
  clear() {
    cancelAnimationFrame(this.#frame);
    find(this.#root, ".odds").hidden = true;
    setText(this.#said, "");
  }

  /** @param {DrawsResponse} response @param {TokenProbs[]} rows @param {TokenProbs & { count: number }} other */
  show(response, rows, other) {
    cancelAnimationFrame(this.#frame);
    find(this.#root, ".odds").hidden = false;
    const total = response.draws.length;
    setText(this.#said, "");
    if (prefersStillness()) {
      this.#draw(response, rows, other, total);
      return;
    }
    const start = performance.now();
    const grow = (/** @type {number} */ now) => {
      const n = Math.max(1, Math.round(total * Math.min(1, (now - start) / GROWTH_MS)));
      this.#draw(response, rows, other, n);
      if (n < total) this.#frame = requestAnimationFrame(grow);
    };
    this.#frame = requestAnimationFrame(grow);
  }

  /** The first n of the draws.
   * @param {DrawsResponse} response @param {TokenProbs[]} rows @param {TokenProbs & { count: number }} other @param {number} n */
  #draw(response, rows, other, n) {
    const { counts, other: rest } = tally(response, rows.map(({ text }) => text), n);
    const drawn = rows.map((row, index) => ({ ...row, count: counts[index], label: tokenLabel(row.text), isToken: true }));
    if (other.count) drawn.push({ ...other, count: rest, label: translate("drawer.others", { count: other.count }), isToken: false });
    this.#rows.draw(drawn.map(({ label, isToken, drawn: prob, count }) => ({
      label,
      isToken,
      outlined: prob,
      filled: count / n,
      value: translate("sampling.tally", { number: count, percent: formatPercent(count / n) }),
    })));
    if (n < response.draws.length) return;
    const furthest = Math.max(...drawn.map(({ drawn: prob, count }) => Math.abs(count / n - prob)));
    setText(this.#said, translate("sampling.drawn_times", {
      count: n, first: response.seed, last: response.seed + n - 1, points: formatNumber(100 * furthest, 1),
    }));
  }
}
