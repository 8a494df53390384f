// The characters that a model knows: how many, and on a click which. A long list can be searched.

/** @import { PlayableSession } from "../types.js" */

import { createElement, find, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { createPopover } from "../shared/popover.js";
import { characterLabel } from "../shared/text.js";

const GAP_PX = 8; // between the button, the list and the edge of the window
const CHIPS_MAX = 40;
const SEARCH_FROM = 100; // characters: fewer are seen at a glance

export class VocabularyList {
  #button;
  #panel;
  #search;
  #found;
  #list;
  /** @type {PlayableSession["vocabulary"]} */
  #vocabulary = [];

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#button = find(root, ".vocabulary-size");
    this.#panel = find(root, ".vocabulary");
    this.#search = find(root, ".vocabulary__search input", HTMLInputElement);
    this.#found = find(root, ".vocabulary__found");
    this.#list = find(root, ".vocabulary__characters");
    createPopover(root, ".vocabulary-size", () => this.#open());
    this.#search.addEventListener("input", () => this.#fill());
  }

  /** @param {PlayableSession["vocabulary"]} vocabulary */
  draw(vocabulary) {
    if (vocabulary === this.#vocabulary) return;
    this.#vocabulary = vocabulary;
    this.#button.hidden = vocabulary.length === 0;
    setText(this.#button, translate("drawer.knows", { count: vocabulary.length }));
    if (!this.#panel.hidden) this.#open();
  }

  /** The list, which may be long, is filled when it is opened. */
  #open() {
    find(this.#panel, ".vocabulary__search").hidden = this.#vocabulary.length < SEARCH_FROM;
    this.#search.value = "";
    this.#fill();
    // Below the button, but within a low window.
    const lowest = innerHeight - this.#panel.offsetHeight - GAP_PX;
    const below = this.#button.getBoundingClientRect().bottom + GAP_PX;
    this.#panel.style.top = Math.max(GAP_PX, Math.min(below, lowest)) + "px";
  }

  #fill() {
    const { value } = this.#search;
    const total = this.#vocabulary.length;
    const found = value ? this.#vocabulary.filter((character) => matches(character, value)) : this.#vocabulary;
    setText(this.#found, value ? translate("drawer.vocabulary_found", { count: found.length, total }) : "");
    this.#list.replaceChildren(...found.map(createChip));
  }
}

/** Whether a character is among those searched for, in either case and whatever its accent, or is
 * called so, as "space" is.
 * @param {string} character @param {string} search */
function matches(character, search) {
  const [wanted, own] = [fold(search), fold(character)];
  return (own !== "" && wanted.includes(own)) || characterLabel(character).toLowerCase().includes(search.toLowerCase());
}

/** @param {string} text */
const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** The first characters of a list, as its items.
 * @param {string[]} list */
export function createChips(list) {
  const chips = list.slice(0, CHIPS_MAX).map(createChip);
  return list.length > CHIPS_MAX ? [...chips, createElement("li", "", "…")] : chips;
}

/** @param {string} character */
const createChip = (character) => createElement("li", "chip", characterLabel(character));
