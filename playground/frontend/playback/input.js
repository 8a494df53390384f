// What belongs to the input: how much of it the model sees, and what the model can't read in it.

import { element } from "../shared/dom.js";
import { say } from "../shared/messages.js";
import { counter, label, marked } from "../shared/text.js";

export class Input {
  #textarea;
  // A copy of the text behind the field, line for line: its letters are transparent, its marks not.
  #mirror = document.createElement("div");
  #notes;
  #vocabulary_of = null;

  /** changed(text): called when the visitor, or `write`, has changed the text. */
  constructor(textarea, notes, changed) {
    this.#textarea = textarea;
    this.#notes = {
      counter: notes.querySelector(".counter"),
      unknown: notes.querySelector(".unknown"),
      names: notes.querySelector(".unknown__names"),
      vocabulary: notes.querySelector(".vocabulary"),
      size: notes.querySelector(".vocabulary-size"),
      known: notes.querySelector(".vocabulary__characters"),
    };
    this.#mirror.className = "mirror";
    this.#mirror.ariaHidden = "true";
    this.#notes.vocabulary.addEventListener("beforetoggle", () => {
      this.#notes.vocabulary.style.top = this.#notes.size.getBoundingClientRect().bottom + 8 + "px";
    });
    textarea.dir = this.#mirror.dir = "auto";
    textarea.before(this.#mirror);
    textarea.parentElement.classList.add("mirrored");
    textarea.addEventListener("input", () => changed(textarea.value));
    textarea.addEventListener("scroll", () => this.#align());
    new ResizeObserver(() => this.#align()).observe(textarea);
  }

  get text() {
    return this.#textarea.value;
  }

  /** Put a text into the field, as if it had been typed: Gradio learns of it too. */
  write(text) {
    this.#textarea.value = text;
    this.#textarea.dispatchEvent(new Event("input", { bubbles: true }));
  }

  focus() {
    this.#textarea.focus();
  }

  draw(player) {
    const { session, unknown } = player;
    const length = player.trace.prompt.length + player.trace.steps.length;
    const beyond = session && length > session.block_size;
    this.#notes.counter.textContent = session?.block_size ? counter(length, session.block_size) : "";
    this.#notes.counter.classList.toggle("counter--beyond", Boolean(beyond));
    this.#notes.counter.title = beyond ? say("drawer.window", { size: session.block_size }) : "";
    this.#notes.counter.tabIndex = beyond ? 0 : -1;
    this.#draw_unknown(player.trace.prompt.join(""), session, unknown);
    this.#draw_vocabulary(session);
  }

  #draw_unknown(text, session, unknown) {
    this.#notes.unknown.hidden = unknown.length === 0;
    this.#notes.names.replaceChildren(...unknown.map((character) => chip(character)));
    this.#textarea.setAttribute("aria-invalid", String(unknown.length > 0));
    const parts = unknown.length ? marked(text, session.known) : [];
    this.#mirror.replaceChildren(...parts.map((part) => element(part.unknown ? "mark" : "span", "", part.text)), "\n");
    this.#align();
  }

  #draw_vocabulary(session) {
    const known = session?.vocabulary ?? [];
    this.#notes.size.hidden = known.length === 0;
    this.#notes.size.textContent = say("drawer.knows", { count: known.length });
    if (this.#vocabulary_of === known) return;
    this.#vocabulary_of = known;
    this.#notes.known.replaceChildren(...known.map((character) => chip(character)));
  }

  #align() {
    const { style } = this.#mirror;
    style.width = this.#textarea.clientWidth + "px";
    style.height = this.#textarea.clientHeight + "px";
    this.#mirror.scrollTop = this.#textarea.scrollTop;
  }
}

const chip = (character) => element("li", "chip", label(character));
