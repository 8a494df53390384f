// A text whose tokens are tinted by their bits, as a slider: one tab stop, through whose tokens the
// arrow keys lead. Neighbours that are drawn alike share an element; a long text is drawn in parts, one
// a frame.

/** @import { Run, ScoredToken } from "./surprise.js" */

import { createElement, setAttribute } from "../shared/dom.js";
import { characterLabel, directionOf } from "../shared/text.js";
import { placeMark, rectOfToken, tokenAtPoint } from "../playback/textHits.js";
import { partsOf, runsOf } from "./surprise.js";

const PART = 400; // tokens that are drawn at once, at least
const PART_MAX = 1000; // in one line
const PAGE = 40; // tokens that Page Up and Page Down go

export class SurpriseText {
  #region;
  #describe;
  #mark = createElement("span", "surprise__mark");
  /** What is drawn.
   * @type {{ element: HTMLElement, from: number, tokens: string[], skip: number, isNamed: boolean }[]} */
  #drawn = [];
  /** What is not drawn yet.
   * @type {Run[][]} */
  #waiting = [];
  #frame = 0;
  /** How the mark is to be placed once its token is drawn; null where it is. isFar: as for `select`.
   * @type {{ isFar: boolean } | null} */
  #unplaced = null;
  #length = 0;
  #selected = 0;

  /** @param {HTMLElement} region
   * @param {{ onSelect: (position: number) => void, onHover: (position: number | null) => void, describe: (position: number) => string }} options
   *   describe: what is said of a token */
  constructor(region, { onSelect, onHover, describe }) {
    this.#region = region;
    this.#describe = describe;
    this.#mark.setAttribute("aria-hidden", "true");
    region.addEventListener("click", ({ clientX, clientY }) => {
      if (getSelection()?.isCollapsed === false) return; // text was selected, to be copied perhaps
      const position = tokenAtPoint(this.#drawn, clientX, clientY);
      if (position !== null) onSelect(position);
    });
    this.#listenToHover(onHover);
    region.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      /** @type {Record<string, number>} */
      const targets = {
        ArrowLeft: this.#selected - 1, ArrowRight: this.#selected + 1, Home: 0, End: this.#length - 1,
        PageUp: this.#selected - PAGE, PageDown: this.#selected + PAGE,
      };
      if (!(event.key in targets)) return;
      event.preventDefault();
      onSelect(Math.min(this.#length - 1, Math.max(0, targets[event.key])));
    });
    new ResizeObserver(() => this.#placeMark()).observe(region);
  }

  /** Give it the focus, in sight with what is said below it. */
  focus() {
    this.#region.focus({ preventScroll: true });
    this.#region.scrollIntoView({ block: "nearest" });
  }

  /** @param {ScoredToken[]} tokens */
  show(tokens) {
    this.#length = tokens.length;
    this.#region.dir = directionOf(tokens.map(({ text }) => text).join(""));
    this.#waiting = partsOf(runsOf(tokens), PART, PART_MAX);
    this.#drawn = [];
    this.#region.replaceChildren(this.#mark);
    this.#drawPart();
    this.#scheduleRest();
  }

  /** Mark a token. isFar: bring it into sight. waits: until it is drawn in its turn.
   * @param {number} position @param {boolean} isFar @param {boolean} [waits] */
  select(position, isFar, waits = false) {
    this.#selected = position;
    while (!waits && this.#waiting.length && !(position < this.#end)) this.#drawPart();
    setAttribute(this.#region, "aria-valuemin", "1");
    setAttribute(this.#region, "aria-valuemax", String(this.#length));
    setAttribute(this.#region, "aria-valuenow", String(position + 1));
    setAttribute(this.#region, "aria-valuetext", this.#describe(position));
    this.#unplaced = { isFar };
    this.#placeDrawn();
  }

  /** Place the mark, as soon as its token is drawn. */
  #placeDrawn() {
    if (!this.#unplaced) return;
    const { isFar } = this.#unplaced;
    if (this.#selected < this.#end) this.#unplaced = null;
    else this.#mark.hidden = true;
    if (!this.#unplaced) this.#placeMark(isFar);
  }

  /** The position after what is drawn. */
  get #end() {
    const last = this.#drawn.at(-1);
    return last ? last.from + last.tokens.length : 0;
  }

  #scheduleRest() {
    cancelAnimationFrame(this.#frame);
    if (!this.#waiting.length) return;
    this.#frame = requestAnimationFrame(() => {
      this.#drawPart();
      this.#placeDrawn();
      this.#scheduleRest();
    });
  }

  #drawPart() {
    const part = createElement("div", "surprise__part");
    for (const { from, level, isNamed, tokens } of this.#waiting.shift() ?? []) {
      const element = createElement("span", `surprise__run surprise__run--${level ?? "none"}`, tokens.join(""));
      if (isNamed) {
        element.classList.add("surprise__run--named");
        element.dataset.label = tokens[0] === "\n" ? "↵" : characterLabel(tokens[0]);
      }
      part.append(element);
      this.#drawn.push({ element, from, tokens, skip: 0, isNamed });
    }
    this.#mark.before(part);
  }

  /** @param {(position: number | null) => void} onHover */
  #listenToHover(onHover) {
    let frame = 0;
    this.#region.addEventListener("pointermove", ({ pointerType, clientX, clientY }) => {
      if (pointerType !== "mouse") return; // a finger taps
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => onHover(tokenAtPoint(this.#drawn, clientX, clientY)));
    });
    this.#region.addEventListener("pointerleave", () => {
      cancelAnimationFrame(frame);
      onHover(null);
    });
  }

  /** @param {number} position @returns {DOMRect | null} */
  #rectOf(position) {
    const run = this.#drawn.find(({ from, tokens }) => position < from + tokens.length);
    if (!run) return null;
    if (run.tokens[position - run.from] === "") return this.#rectOf(position + 1); // of its character
    return run.isNamed ? run.element.getClientRects()[0] ?? null : rectOfToken([run], position);
  }

  /** @param {boolean} [intoView] */
  #placeMark(intoView = false) {
    placeMark(this.#mark, this.#region, this.#rectOf(this.#selected), intoView);
  }
}
