// The form of a training: corpus, tokens, preset, and the fields behind "Advanced".

/** @import { Corpus, Preset, TrainingOffer } from "../types.js" */

import { config } from "../shared/config.js";
import { createElement, find } from "../shared/dom.js";
import { currentLocale, formatNumber, formatSignificant, translate } from "../shared/messages.js";

const FIELDS = ["steps", "learning_rate", "batch_size", "n_layer", "n_head", "n_embd", "block_size", "seed"];
const BOUND_DIGITS = 3;
const GROUPED_NUMBER = 1234567.5; // has both a group and a decimal separator

/** @typedef {{ input: HTMLInputElement, hint: HTMLElement, preset: string | null }} Field */

export class TrainingForm {
  #root;
  /** @type {TrainingOffer | null} */
  #offer = null;
  /** @type {Record<string, Field>} */
  #fields = {};
  /** @type {{ name: string, text: string } | null} */
  #file = null;

  /** @param {HTMLFormElement} root */
  constructor(root) {
    this.#root = root;
    this.#textarea.addEventListener("input", () => this.#drawCount());
    root.addEventListener("change", ({ target }) => {
      const { name } = /** @type {HTMLInputElement} */ (target);
      if (name === "corpus") this.#drawText();
      if (name === "preset") this.#applyPreset();
    });
    root.addEventListener("input", () => this.showError(""));
  }

  /** Show what the API offers.
   * @param {TrainingOffer} offer */
  setOffer(offer) {
    this.#offer = offer;
    const { default_corpus: corpus, default_preset: preset, default_tokenizer: tokenizer } = config.training;
    const bySize = [...offer.presets].sort((a, b) => a.optimizer.length - b.optimizer.length || a.params - b.params);
    this.#drawChoices("corpus", offer.corpora, corpus);
    this.#drawChoices("tokenizer", offer.tokenizers, tokenizer);
    this.#drawChoices("preset", bySize, preset);
    find(this.#root, "#own-text-bounds").textContent = offer.corpora.find(({ name }) => name === "text")?.description ?? "";
    find(this.#root, ".advanced__fields").replaceChildren(...FIELDS.map((name) => this.#createField(name)));
    this.#applyPreset();
    this.#drawText();
  }

  /** The body of the request, without values that equal the preset's. */
  get request() {
    const corpus = this.#choice("corpus");
    /** @type {Record<string, any>} */
    const body = { corpus, tokenizer: this.#choice("tokenizer"), preset: this.#preset.name, model: {} };
    if (corpus === "text") body.text = this.#file?.text ?? this.#textarea.value;
    for (const [name, { input }] of Object.entries(this.#fields)) {
      const text = input.value.trim();
      if (text === "" || text === String(this.#preset[name])) continue;
      const value = parseNumber(text, name !== "learning_rate");
      const target = config.training.model_fields.includes(name) ? body.model : body;
      target[name] = Number.isFinite(value) ? value : text; // which the API refuses in words
    }
    return body;
  }

  /** @param {{ name: string, text: string } | null} file */
  setFile(file) {
    this.#file = file;
    const shown = find(this.#root, ".own-text__file");
    shown.hidden = !file;
    find(shown, "span").textContent = file?.name ?? "";
    this.#textarea.hidden = Boolean(file);
    this.showError("");
    this.#drawCount();
  }

  /** Show an error, beside the field that it is about; "" for none.
   * @param {string} message
   * @param {string | null} [path] of the request's field, "model.n_layer" */
  showError(message, path = null) {
    const error = find(this.#root, ".learn-error");
    const field = path?.split(".").at(-1);
    const isKnown = field !== undefined && field in this.#fields;
    error.hidden = !message;
    // A sentence about a field that has no name of its own begins with its path.
    error.textContent = isKnown ? message.replace(`${path}: `, `${translate(`learn.field_${field}`)}: `) : message;
    for (const [name, { input }] of Object.entries(this.#fields)) input.setAttribute("aria-invalid", String(name === field));
    if (isKnown) {
      find(this.#root, ".advanced", HTMLDetailsElement).open = true;
      this.#fields[field].input.focus({ preventScroll: true });
    }
    if (message) error.scrollIntoView({ block: "nearest" });
  }

  /** @returns {Preset} */
  get #preset() {
    const preset = this.#offer?.presets.find(({ name }) => name === this.#choice("preset"));
    if (!preset) throw new RangeError("no preset is chosen");
    return preset;
  }

  /** @param {string} name @returns {string} */
  #choice(name) {
    return /** @type {RadioNodeList} */ (this.#root.elements.namedItem(name)).value;
  }

  get #textarea() {
    return find(this.#root, "textarea", HTMLTextAreaElement);
  }

  /** @param {string} name @param {Corpus[]} entries @param {string} checked */
  #drawChoices(name, entries, checked) {
    const choices = entries.map((entry) => createChoice(name, entry, entry.name === checked));
    find(this.#root, `[data-choice=${name}]`).replaceChildren(...choices);
  }

  #drawText() {
    find(this.#root, ".own-text").hidden = this.#choice("corpus") !== "text";
    this.#drawCount();
  }

  #drawCount() {
    const text = this.#file?.text ?? this.#textarea.value;
    const pairs = text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0; // one character, two units
    find(this.#root, "#own-text-count").textContent = translate("learn.characters", { count: text.length - pairs });
  }

  /** @param {string} name */
  #createField(name) {
    const label = createElement("label", "field");
    const input = createElement("input", "field__input");
    Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off" });
    const hint = createElement("span", "field__hint hint");
    label.append(createElement("span", "field__name", translate(`learn.field_${name}`)), input, hint);
    this.#fields[name] = { input, hint, preset: null };
    return label;
  }

  /** Fill in the preset's values; those that the visitor changed stay. */
  #applyPreset() {
    const preset = this.#preset;
    for (const [name, field] of Object.entries(this.#fields)) {
      const bounds = name === "learning_rate" ? preset.learning_rate_bounds : this.#offer?.bounds[name];
      const isUntouched = field.preset === null || ["", field.preset].includes(field.input.value);
      field.preset = String(preset[name]);
      if (isUntouched) field.input.value = field.preset;
      if (bounds) field.hint.textContent = translate("learn.bounds", { low: formatBound(bounds.low), high: formatBound(bounds.high) });
    }
  }
}

/** @param {number} value */
const formatBound = (value) => (Number.isInteger(value) ? formatNumber(value) : formatSignificant(value, BOUND_DIGITS));

/** A number as typed: with a decimal point, or in the notation of the locale.
 * @param {string} input @param {boolean} isInteger group separators are allowed */
function parseNumber(input, isInteger) {
  const parts = new Intl.NumberFormat(currentLocale()).formatToParts(GROUPED_NUMBER);
  const separator = (/** @type {string} */ type) => parts.find((part) => part.type === type)?.value ?? "";
  const grouped = new RegExp(`(?<=\\d)\\${separator("group")}(?=\\d{3}(?!\\d))`, "g");
  const text = input.replaceAll(/\s/g, "");
  return Number((isInteger ? text.replaceAll(grouped, "") : text).replace(separator("decimal"), "."));
}

/** @param {string} name @param {Corpus} entry @param {boolean} checked */
function createChoice(name, entry, checked) {
  const label = createElement("label", "choice");
  const radio = createElement("input", "choice__radio");
  Object.assign(radio, { type: "radio", name, value: entry.name, checked });
  label.append(radio, createElement("span", "choice__title", entry.title), createElement("span", "choice__description", entry.description));
  return label;
}
