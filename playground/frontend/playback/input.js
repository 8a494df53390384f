// The prompt: its text field, how much of it is in context, and its unknown characters.

/** @import { PlayableSession } from "../types.js" */
/** @import { Player } from "./player.js" */

import { createElement, find, setText } from "../shared/dom.js";
import { setTextboxValue } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { createPopover } from "../shared/popover.js";
import { characterLabel, contextCounter, directionOf, splitByVocabulary } from "../shared/text.js";

const POPOVER_GAP_PX = 8;
const MARKS_MAX = 2000; // runs of known and unknown characters that are marked where they stand
const NAMES_MAX = 40; // unknown characters that are listed

export class Input {
  #textarea;
  /** A copy of the text behind the field, line for line: transparent, but for marks of unknown
   * characters. */
  #mirror = document.createElement("div");
  #notes;
  /** @type {string[]} */
  #vocabulary = [];
  /** @type {string | undefined} */
  #kind = undefined;
  #isComposing = false;
  /** The characters that the visitor was told would be left out.
   * @type {string | null} */
  #told = null;
  /** What is marked in the mirror.
   * @type {{ text: string, unknown: string[] } | null} */
  #marked = null;

  /** @param {HTMLTextAreaElement} textarea @param {HTMLElement} notes
   * @param {(text: string, kind?: string) => void} onChange called when the visitor or `write` changed
   *   the text; kind: of the change */
  constructor(textarea, notes, onChange) {
    this.#textarea = textarea;
    this.#notes = {
      counter: find(notes, ".counter"),
      unknown: find(notes, ".unknown"),
      loss: find(notes, ".unknown__loss"),
      replace: find(notes, "[data-action=substitute]"),
      names: find(notes, ".unknown__names"),
      vocabulary: find(notes, ".vocabulary"),
      size: find(notes, ".vocabulary-size"),
      known: find(notes, ".vocabulary__characters"),
    };
    this.#mirror.className = "mirror";
    this.#mirror.setAttribute("aria-hidden", "true");
    createPopover(notes, ".vocabulary-size", () => this.#showVocabulary());
    textarea.before(this.#mirror);
    textarea.parentElement?.classList.add("mirrored");
    // What is composed with an input method is a text once it is done.
    textarea.addEventListener("compositionstart", () => (this.#isComposing = true));
    textarea.addEventListener("compositionend", () => {
      this.#isComposing = false;
      onChange(textarea.value);
    });
    textarea.addEventListener("input", (event) => onChange(textarea.value, this.#kind ?? pastedKind(event)));
    for (const name of ["autocapitalize", "autocorrect", "autocomplete"]) textarea.setAttribute(name, "off");
    textarea.spellcheck = false;
    textarea.setAttribute("translate", "no");
    textarea.addEventListener("scroll", () => this.#align());
    new ResizeObserver(() => this.#align()).observe(textarea);
  }

  /** Set the text as a command of the visitor did.
   * @param {string} text @param {string} kind of the change, for the history */
  write(text, kind) {
    this.#kind = kind;
    setTextboxValue(this.#textarea, text);
    this.#kind = undefined;
  }

  focus() {
    this.#textarea.focus();
  }

  /** Whether the visitor was told already what replacing loses; if not, tell them.
   * @param {string[]} dropped characters without a substitute */
  confirmsLoss(dropped) {
    const isTold = this.#told === dropped.join("");
    this.#told = dropped.join("");
    setText(this.#notes.loss, translate("drawer.would_drop", { characters: dropped.map(characterLabel).join(" ") }));
    setText(this.#notes.replace, translate("drawer.leave_out"));
    return isTold;
  }

  /** @param {Player} player */
  draw(player) {
    const { text } = player.trace;
    this.#show(text);
    this.#textarea.dir = this.#mirror.dir = directionOf(text);
    const { session, unknown } = player;
    const length = player.trace.prompt.length + player.trace.steps.length;
    const size = session?.block_size ?? 0;
    const isBeyond = Boolean(session) && length > size;
    this.#notes.counter.textContent = size ? contextCounter(length, size) : "";
    this.#notes.counter.classList.toggle("counter--beyond", isBeyond);
    this.#notes.counter.title = isBeyond ? translate("drawer.window", { size }) : "";
    this.#notes.counter.tabIndex = isBeyond ? 0 : -1;
    this.#drawUnknown(text, session?.known ?? new Map(), unknown);
    this.#drawVocabulary(session?.vocabulary ?? []);
  }

  /** Show the player's text where it is another one than the field's: of another tab, from before, or
   * in the forms that the model knows.
   * @param {string} text */
  #show(text) {
    if (text === this.#textarea.value || this.#isComposing) return;
    const { value, selectionEnd, scrollTop } = this.#textarea;
    const behind = value.length - selectionEnd;
    setTextboxValue(this.#textarea, text);
    if (document.activeElement !== this.#textarea) return;
    const caret = Math.max(0, text.length - behind);
    this.#textarea.setSelectionRange(caret, caret);
    this.#textarea.scrollTop = scrollTop;
  }

  /** @param {string} text @param {Map<string, number>} known @param {string[]} unknown */
  #drawUnknown(text, known, unknown) {
    this.#notes.unknown.hidden = unknown.length === 0;
    if (this.#marked?.text === text && this.#marked.unknown === unknown) return;
    this.#marked = { text, unknown };
    this.#told = null;
    setText(this.#notes.loss, "");
    setText(this.#notes.replace, translate("drawer.replace"));
    this.#notes.names.replaceChildren(...unknown.slice(0, NAMES_MAX).map(createChip));
    if (unknown.length > NAMES_MAX) this.#notes.names.append(createElement("li", "", "…"));
    this.#textarea.setAttribute("aria-invalid", String(unknown.length > 0));
    const parts = unknown.length ? splitByVocabulary(text, known, MARKS_MAX) : [];
    const marks = parts.map((part) => createElement(part.unknown ? "mark" : "span", "", part.text));
    this.#mirror.replaceChildren(...marks, "\n");
    this.#align();
  }

  /** @param {PlayableSession["vocabulary"]} vocabulary */
  #drawVocabulary(vocabulary) {
    this.#vocabulary = vocabulary;
    this.#notes.size.hidden = vocabulary.length === 0;
    setText(this.#notes.size, translate("drawer.knows", { count: vocabulary.length }));
  }

  /** Fill the list, which may be long, when it is opened. */
  #showVocabulary() {
    const { vocabulary, size, known } = this.#notes;
    vocabulary.style.top = size.getBoundingClientRect().bottom + POPOVER_GAP_PX + "px";
    known.replaceChildren(...this.#vocabulary.map(createChip));
  }

  #align() {
    const { style } = this.#mirror;
    style.width = this.#textarea.clientWidth + "px";
    style.height = this.#textarea.clientHeight + "px";
    this.#mirror.scrollTop = this.#textarea.scrollTop;
  }
}

/** What is pasted, cut or dropped is undone on its own, not with the letters typed before.
 * @param {Event} event */
function pastedKind(event) {
  const type = event instanceof InputEvent ? event.inputType : "";
  return ["insertFromPaste", "insertFromDrop", "deleteByCut"].includes(type) ? type : undefined;
}

/** @param {string} character */
const createChip = (character) => createElement("li", "chip", characterLabel(character));
