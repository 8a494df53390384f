// The prompt: its text field, how much of it is in context, and its unknown characters.

/** @import { PlayableSession } from "../types.js" */
/** @import { Player } from "./player.js" */

import { createElement, find } from "../shared/dom.js";
import { setTextboxValue } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { characterLabel, contextCounter, splitByVocabulary } from "../shared/text.js";

const POPOVER_GAP_PX = 8;

export class Input {
  #textarea;
  /** A copy of the text behind the field, line for line: transparent, but for marks of unknown
   * characters. */
  #mirror = document.createElement("div");
  #notes;
  /** @type {string[] | null} */
  #drawnVocabulary = null;

  /** @param {HTMLTextAreaElement} textarea @param {HTMLElement} notes
   * @param {(text: string) => void} onChange called when the visitor or `write` changed the text */
  constructor(textarea, notes, onChange) {
    this.#textarea = textarea;
    this.#notes = {
      counter: find(notes, ".counter"),
      unknown: find(notes, ".unknown"),
      names: find(notes, ".unknown__names"),
      vocabulary: find(notes, ".vocabulary"),
      size: find(notes, ".vocabulary-size"),
      known: find(notes, ".vocabulary__characters"),
    };
    this.#mirror.className = "mirror";
    this.#mirror.ariaHidden = "true";
    this.#notes.vocabulary.addEventListener("beforetoggle", () => {
      const { bottom } = this.#notes.size.getBoundingClientRect();
      this.#notes.vocabulary.style.top = bottom + POPOVER_GAP_PX + "px";
    });
    textarea.dir = this.#mirror.dir = "auto";
    textarea.before(this.#mirror);
    textarea.parentElement?.classList.add("mirrored");
    textarea.addEventListener("input", () => onChange(textarea.value));
    textarea.addEventListener("scroll", () => this.#align());
    new ResizeObserver(() => this.#align()).observe(textarea);
  }

  get text() {
    return this.#textarea.value;
  }

  /** Set the text as if it had been typed.
   * @param {string} text */
  write(text) {
    setTextboxValue(this.#textarea, text);
  }

  focus() {
    this.#textarea.focus();
  }

  /** @param {Player} player */
  draw(player) {
    const { session, unknown } = player;
    const length = player.trace.prompt.length + player.trace.steps.length;
    const size = session?.block_size ?? 0;
    const isBeyond = Boolean(session) && length > size;
    this.#notes.counter.textContent = size ? contextCounter(length, size) : "";
    this.#notes.counter.classList.toggle("counter--beyond", isBeyond);
    this.#notes.counter.title = isBeyond ? translate("drawer.window", { size }) : "";
    this.#notes.counter.tabIndex = isBeyond ? 0 : -1;
    this.#drawUnknown(player.trace.prompt.join(""), session?.known ?? new Set(), unknown);
    this.#drawVocabulary(session?.vocabulary ?? []);
  }

  /** @param {string} text @param {Set<string>} known @param {string[]} unknown */
  #drawUnknown(text, known, unknown) {
    this.#notes.unknown.hidden = unknown.length === 0;
    this.#notes.names.replaceChildren(...unknown.map(createChip));
    this.#textarea.setAttribute("aria-invalid", String(unknown.length > 0));
    const parts = unknown.length ? splitByVocabulary(text, known) : [];
    const marks = parts.map((part) => createElement(part.unknown ? "mark" : "span", "", part.text));
    this.#mirror.replaceChildren(...marks, "\n");
    this.#align();
  }

  /** @param {PlayableSession["vocabulary"]} vocabulary */
  #drawVocabulary(vocabulary) {
    this.#notes.size.hidden = vocabulary.length === 0;
    this.#notes.size.textContent = translate("drawer.knows", { count: vocabulary.length });
    if (this.#drawnVocabulary === vocabulary) return;
    this.#drawnVocabulary = vocabulary;
    this.#notes.known.replaceChildren(...vocabulary.map(createChip));
  }

  #align() {
    const { style } = this.#mirror;
    style.width = this.#textarea.clientWidth + "px";
    style.height = this.#textarea.clientHeight + "px";
    this.#mirror.scrollTop = this.#textarea.scrollTop;
  }
}

/** @param {string} character */
const createChip = (character) => createElement("li", "chip", characterLabel(character));
