// The form of a training: what to read, how big, and the numbers behind "Advanced".

import { element } from "../shared/dom.js";
import { language, number, say } from "../shared/messages.js";

const FIELDS = ["steps", "learning_rate", "batch_size", "n_layer", "n_head", "n_embd", "block_size", "seed"];
const OF_THE_MODEL = ["n_layer", "n_head", "n_embd", "block_size"];
const DEFAULTS = { corpus: "docs", preset: "quick-100k" };

export class TrainingForm {
  #root;
  #offer = null; // what the API offers
  #fields = {}; // name → {input, hint}
  #file = null; // {name, text} of an upload

  constructor(root) {
    this.#root = root;
    this.#find("textarea").addEventListener("input", () => this.#count());
    root.addEventListener("change", (event) => {
      if (event.target.name === "corpus") this.#show_text();
      if (event.target.name === "preset") this.#preset_changed();
    });
    root.addEventListener("input", () => this.complain(""));
  }

  offer(offer) {
    this.#offer = offer;
    const by_size = offer.presets.toSorted((a, b) => a.optimizer.length - b.optimizer.length || a.params - b.params);
    for (const [name, entries] of [["corpus", offer.corpora], ["preset", by_size]]) {
      const choices = entries.map((entry) => choice(name, entry, entry.name === DEFAULTS[name]));
      this.#find(`[data-choice=${name}]`).replaceChildren(...choices);
    }
    this.#find("#own-text-bounds").textContent = offer.corpora.find(({ name }) => name === "text").description;
    this.#find(".advanced__fields").replaceChildren(...FIELDS.map((name) => this.#field(name)));
    this.#preset_changed();
    this.#show_text();
  }

  /** The request: what was not changed is left to the preset. */
  get request() {
    const corpus = this.#chosen("corpus");
    const body = { corpus, preset: this.#preset.name, model: {} };
    if (corpus === "text") body.text = this.#file?.text ?? this.#find("textarea").value;
    for (const [name, { input }] of Object.entries(this.#fields)) {
      const said = input.value.trim();
      if (said === "" || said === String(this.#preset[name])) continue;
      const value = parsed(said, name !== "learning_rate");
      const into = OF_THE_MODEL.includes(name) ? body.model : body;
      into[name] = Number.isFinite(value) ? value : said; // the API says what it thinks of it
    }
    return body;
  }

  useFile(file) {
    this.#file = file;
    const shown = this.#find(".own-text__file");
    shown.hidden = !file;
    shown.firstElementChild.textContent = file?.name ?? "";
    this.#find("textarea").hidden = Boolean(file);
    this.complain("");
    this.#count();
  }

  /** Say what is wrong, beside the field that it is about; "": nothing is. */
  complain(sentence) {
    const error = this.#find(".learn-error");
    error.hidden = !sentence;
    error.textContent = sentence;
    // The API's sentence begins with the field's name, as it is called here or as the request has it.
    const about = FIELDS.find((name) =>
      [word(name), `${name}:`, `model.${name}:`].some((beginning) => sentence.startsWith(beginning)));
    for (const [name, { input }] of Object.entries(this.#fields)) input.ariaInvalid = String(name === about);
    if (about) {
      this.#find(".advanced").open = true;
      this.#fields[about].input.focus({ preventScroll: true });
    }
    if (sentence) error.scrollIntoView({ block: "nearest" });
  }

  get #preset() {
    return this.#offer.presets.find(({ name }) => name === this.#chosen("preset"));
  }

  #chosen(name) {
    return this.#root.elements[name].value;
  }

  #show_text() {
    this.#find(".own-text").hidden = this.#chosen("corpus") !== "text";
    this.#count();
  }

  #count() {
    const text = this.#file?.text ?? this.#find("textarea").value;
    const pairs = text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0; // one character, two units
    this.#find("#own-text-count").textContent = say("learn.characters", { count: text.length - pairs });
  }

  #field(name) {
    const label = element("label", "field");
    const input = element("input", "field__input");
    Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off" });
    const hint = element("span", "field__hint hint");
    label.append(element("span", "field__name", word(name)), input, hint);
    this.#fields[name] = { input, hint, preset: null };
    return label;
  }

  /** Another preset brings its own numbers; those that the visitor has set stay. */
  #preset_changed() {
    const preset = this.#preset;
    for (const [name, field] of Object.entries(this.#fields)) {
      const bounds = name === "learning_rate" ? preset.learning_rate_bounds : this.#offer.bounds[name];
      const untouched = field.preset === null || ["", field.preset].includes(field.input.value);
      field.preset = String(preset[name]);
      if (untouched) field.input.value = field.preset;
      field.hint.textContent = say("learn.bounds", { low: tidy(bounds.low), high: tidy(bounds.high) });
    }
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

const word = (name) => say(`learn.field_${name}`);
const tidy = (value) => (Number.isInteger(value) ? number(value) : value.toLocaleString(language, { maximumSignificantDigits: 3 }));

const mark = (type) => new Intl.NumberFormat(language).formatToParts(1234567.5).find((part) => part.type === type).value;
const GROUPED = new RegExp(`(?<=\\d)\\${mark("group")}(?=\\d{3}(?!\\d))`, "g");

/** What a visitor has typed, as a number: with a point, or as it is written in their language. */
function parsed(text, whole) {
  const said = text.replaceAll(/\s/g, "");
  return Number((whole ? said.replaceAll(GROUPED, "") : said).replace(mark("decimal"), "."));
}

function choice(name, entry, checked) {
  const label = element("label", "choice");
  const radio = element("input", "choice__radio");
  Object.assign(radio, { type: "radio", name, value: entry.name, checked });
  label.append(radio, element("span", "choice__title", entry.title), element("span", "choice__description", entry.description));
  return label;
}
