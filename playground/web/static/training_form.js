// The form of a training: what to read, how big, and the numbers behind "Advanced".

import { element } from "./dom.js";
import { grouped } from "./text.js";

const WORDS = {
  steps: "Steps",
  learning_rate: "Learning rate",
  batch_size: "Batch size",
  n_layer: "Layers",
  n_head: "Heads",
  n_embd: "Width",
  block_size: "Context",
  seed: "Seed",
};
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
    this.#find(".advanced__fields").replaceChildren(...Object.entries(WORDS).map((about) => this.#field(...about)));
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
      const number = Number(said.replaceAll(/[\s\u202f]/g, ""));
      const into = OF_THE_MODEL.includes(name) ? body.model : body;
      into[name] = Number.isFinite(number) ? number : said; // the API says what it thinks of it
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
    const about = Object.keys(WORDS).find((name) =>
      sentence.startsWith(WORDS[name]) || sentence.startsWith(`${name}:`) || sentence.startsWith(`model.${name}:`));
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
    this.#find("#own-text-count").textContent = `${grouped(text.length - pairs)} characters`;
  }

  #field(name, word) {
    const label = element("label", "field");
    const input = element("input", "field__input");
    Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off" });
    const hint = element("span", "field__hint hint");
    label.append(element("span", "field__name", word), input, hint);
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
      field.hint.textContent = `${tidy(bounds.low)} to ${tidy(bounds.high)}`;
    }
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

const tidy = (number) => (Number.isInteger(number) ? grouped(number) : String(Number(number.toPrecision(3))));

function choice(name, entry, checked) {
  const label = element("label", "choice");
  const radio = element("input", "choice__radio");
  Object.assign(radio, { type: "radio", name, value: entry.name, checked });
  label.append(radio, element("span", "choice__title", entry.title), element("span", "choice__description", entry.description));
  return label;
}
