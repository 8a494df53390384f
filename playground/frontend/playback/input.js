// The prompt: its text field, how much of it is in context, its tokens and its unknown characters.

/** @import { Token } from "../types.js" */
/** @import { Player } from "./player.js" */

import { createElement, find, setAttribute, setText } from "../shared/dom.js";
import { setTextboxValue } from "../shared/gradioPatches.js";
import { translate } from "../shared/messages.js";
import { characterLabel, characters, contextCounter, directionOf, splitByVocabulary, tokenCounter } from "../shared/text.js";
import { cellsOf } from "./tokens.js";
import { text as textOf } from "./trace.js";
import { createChips, VocabularyList } from "./vocabularyList.js";

/** @type {string[]} */
const NO_VOCABULARY = [];
/** @type {Token[]} */
const NO_TOKENS = [];
const MARKS_MAX = 2000; // tokens, or runs of known and unknown characters, that are marked where they stand

export class Input {
  #textarea;
  /** A copy of the text behind the field, line for line: transparent, but for a line below each token,
   * or marks of unknown characters. */
  #mirror = document.createElement("div");
  #notes;
  #vocabulary;
  /** @type {string | undefined} */
  #kind = undefined;
  #isComposing = false;
  /** The characters that the visitor was told would be left out.
   * @type {string | null} */
  #told = null;
  /** What is marked in the mirror.
   * @type {{ text: string, unknown: string[], tokens: Token[] } | null} */
  #marked = null;
  /** The texts of the tokens that were marked last.
   * @type {string[]} */
  #cells = [];

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
    };
    this.#vocabulary = new VocabularyList(notes);
    this.#mirror.className = "mirror";
    this.#mirror.setAttribute("aria-hidden", "true");
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
    this.#drawCounter(player);
    this.#drawMarks(text, session?.known ?? new Map(), unknown, tokensOf(player));
    this.#vocabulary.draw(session?.vocabulary ?? NO_VOCABULARY);
  }

  /** While tokens are counted, the number from before stays.
   * @param {Player} player */
  #drawCounter({ trace, session, length, isUntokenized, notice }) {
    const { counter } = this.#notes;
    const size = session?.block_size ?? 0;
    const isOfTokens = session?.tokenizer === "tokens";
    const isOfOther = counter.dataset.session !== session?.session_id;
    if (isUntokenized && !notice && !isOfOther) return;
    counter.dataset.session = session?.session_id ?? "";
    const isBeyond = Boolean(session) && !isUntokenized && length > size;
    const said = isOfTokens ? tokenCounter(characters(textOf(trace).join("")).length, isUntokenized ? null : length, size) : contextCounter(length, size);
    setText(counter, size ? said : "");
    counter.classList.toggle("counter--beyond", isBeyond);
    counter.title = isBeyond ? translate(isOfTokens ? "drawer.window__tokens" : "drawer.window", { size }) : "";
    counter.tabIndex = isBeyond ? 0 : -1;
    setAttribute(this.#textarea, "aria-describedby", isOfTokens ? counter.id : null);
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

  /** @param {string} text @param {Map<string, number>} known @param {string[]} unknown
   * @param {Token[] | null} tokens null while they aren't known */
  #drawMarks(text, known, unknown, tokens) {
    this.#notes.unknown.hidden = unknown.length === 0;
    const isSameText = this.#marked?.text === text && this.#marked.unknown === unknown;
    if (isSameText && this.#marked?.tokens === (tokens ?? NO_TOKENS)) return;
    this.#marked = { text, unknown, tokens: tokens ?? NO_TOKENS };
    if (isSameText) {
      this.#drawMirror(text, known, unknown, tokens);
      return;
    }
    this.#told = null;
    setText(this.#notes.loss, "");
    setText(this.#notes.replace, translate("drawer.replace"));
    this.#notes.names.replaceChildren(...createChips(unknown));
    this.#textarea.setAttribute("aria-invalid", String(unknown.length > 0));
    this.#drawMirror(text, known, unknown, tokens);
  }

  /** While the tokens of a text aren't known, those that it begins with stay marked.
   * @param {string} text @param {Map<string, number>} known @param {string[]} unknown @param {Token[] | null} tokens */
  #drawMirror(text, known, unknown, tokens) {
    this.#cells = tokens ? cellsOf(tokens.slice(0, MARKS_MAX)) : commonCells(this.#cells, text);
    const parts = unknown.length ? splitByVocabulary(text, known, MARKS_MAX) : [];
    const marks = parts.map((part) => createElement(part.unknown ? "mark" : "span", "", part.text));
    this.#mirror.replaceChildren(...this.#cells.map((cell) => createElement("span", "token", cell)), ...marks, "\n");
    this.#align();
  }

  #align() {
    const { style } = this.#mirror;
    style.width = this.#textarea.clientWidth + "px";
    style.height = this.#textarea.clientHeight + "px";
    this.#mirror.scrollTop = this.#textarea.scrollTop;
  }
}

/** The tokens of the prompt where they are no characters; null while they aren't known.
 * @param {Player} player */
function tokensOf({ trace, session, isUntokenized }) {
  if (session?.tokenizer !== "tokens") return NO_TOKENS;
  return isUntokenized ? null : trace.prompt;
}

/** The parts of a text, from its beginning, that another begins with.
 * @param {string[]} cells @param {string} text */
function commonCells(cells, text) {
  let at = 0;
  const changed = cells.findIndex((cell) => {
    at += cell.length;
    return !text.startsWith(cell, at - cell.length);
  });
  return changed < 0 ? cells : cells.slice(0, changed);
}

/** What is pasted, cut or dropped is undone on its own, not with the letters typed before.
 * @param {Event} event */
function pastedKind(event) {
  const type = event instanceof InputEvent ? event.inputType : "";
  return ["insertFromPaste", "insertFromDrop", "deleteByCut"].includes(type) ? type : undefined;
}
