// The lanes as they are drawn: their texts with the place where they part, and the distance between
// the predictions as a line.

/** @import { Step, Trace } from "../../types.js" */
/** @import { Lane, Lockstep } from "./lockstep.js" */

import { piecesOf } from "../../playback/tokens.js";
import { lastTokens } from "../../playback/trace.js";
import { createElement, createShape, find, setAttribute, setText } from "../../shared/dom.js";
import { formatNumber, translate } from "../../shared/messages.js";
import { sessionName } from "../../shared/session.js";
import { directionOf, tokenLabel } from "../../shared/text.js";
import { distances, divergence } from "./lockstep.js";

const BEFORE = 200; // tokens of the text before the lanes that are shown
const COLUMNS_MIN = 24; // positions that the line has room for at first
const HEIGHT = 40;
const WIDTH = 100;
const PADDING = 4;
const BITS_MIN = 1; // the least height of the line's scale
const DIGITS = 2;

export class LaneView {
  #lanes;
  #said;
  #line;
  #now;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    this.#lanes = [...panel.querySelectorAll(".lane")].map((lane) => ({ name: find(lane, ".lane__name"), text: find(lane, ".lane__text") }));
    this.#said = find(panel, ".lanes__said");
    this.#line = find(panel, ".lanes__line", SVGElement);
    this.#now = find(panel, ".lanes__now");
  }

  /** @param {{ upper: Lane, lower: Lane } | null} lanes @param {Trace} trace before them
   * @param {Lockstep} lockstep
   * @param {{ said: string, isPlaying: boolean }} state said: in place of what is to be said of the lanes */
  draw(lanes, trace, lockstep, { said, isPlaying }) {
    const parting = divergence(lockstep);
    const { upper, lower, shown } = lockstep;
    const before = lastTokens(trace, BEFORE).join("");
    const isCut = trace.prompt.length + trace.steps.length > BEFORE;
    [upper, lower].forEach((steps, index) => {
      const lane = lanes && (index === 0 ? lanes.upper : lanes.lower);
      setText(this.#lanes[index].name, lane ? nameOf(lane) : "");
      drawText(this.#lanes[index].text, (isCut ? "…" : "") + before, steps.slice(0, shown), parting);
    });
    setAttribute(this.#said, "aria-live", isPlaying ? "off" : "polite"); // else each token is said
    setText(this.#said, said || (lanes ? sentence(lockstep, parting) : ""));
    this.#drawLine(lockstep, parting);
  }

  /** @param {Lockstep} lockstep @param {number | null} parting */
  #drawLine(lockstep, parting) {
    const { values, last, mean } = distances(lockstep);
    const high = Math.max(BITS_MIN, ...values.map((value) => value ?? 0));
    const columns = Math.max(COLUMNS_MIN, values.length);
    const x = (/** @type {number} */ index) => (WIDTH * (index + 1 / 2)) / columns;
    const y = (/** @type {number} */ value) => HEIGHT - PADDING - ((HEIGHT - 2 * PADDING) * value) / high;
    const points = values.flatMap((value, index) => (value === null ? [] : [`${x(index).toFixed(DIGITS)},${y(value).toFixed(DIGITS)}`]));
    this.#line.replaceChildren(
      ...(parting === null ? [] : [createShape("path", { class: "lanes__parting", d: `M${x(parting)} 0V${HEIGHT}` })]),
      createShape("polyline", { class: "lanes__bits", points: points.join(" ") }),
      ...points.slice(-1).map((point) => createShape("path", { class: "lanes__dot", d: `M${point}h0` })),
    );
    const text = mean === null
      ? translate("lanes.no_distance")
      : translate("lanes.bits", { last: last === null ? "∞" : formatNumber(last, DIGITS), mean: formatNumber(mean, DIGITS), high: formatNumber(high, DIGITS) });
    setText(this.#now, text);
  }
}

/** A text, as far as the lanes agree, the token at which they part, and what follows it.
 * @param {HTMLElement} element @param {string} before @param {Step[]} steps @param {number | null} parting */
function drawText(element, before, steps, parting) {
  const pieces = piecesOf(steps);
  const end = parting ?? steps.length;
  const key = JSON.stringify([before, pieces, parting]);
  if (element.dataset.shown === key) return;
  element.dataset.shown = key;
  element.dir = directionOf(before + pieces.join(""));
  element.replaceChildren(
    before,
    createElement("span", "lane__same", pieces.slice(0, end).join("")),
    createElement("mark", "lane__split", pieces[end] === "\n" ? "\u21b5\n" : pieces[end] ?? ""),
    createElement("span", "lane__own", pieces.slice(end + 1).join("")),
  );
  element.scrollTop = element.scrollHeight;
}

/** @param {Lockstep} lockstep @param {number | null} parting */
function sentence({ upper, lower, shown }, parting) {
  if (shown === 0) return translate("lanes.ready");
  if (parting === null) return translate("lanes.same", { count: shown });
  return translate("lanes.part", { number: parting + 1, upper: tokenLabel(upper[parting].text), lower: tokenLabel(lower[parting].text) });
}


/** @param {Lane} lane */
function nameOf({ session, step, params: { temperature } }) {
  return [
    sessionName(session),
    step === null ? "" : translate("lanes.at_step", { step }),
    temperature === 0 ? translate("lanes.top") : translate("lanes.at_temperature", { temperature: formatNumber(temperature) }),
  ].filter(Boolean).join(" · ");
}
