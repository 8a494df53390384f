// The texts that are kept in this browser: a row for each, which opens, names or deletes it.

/** @import { ExploreContext } from "../../types.js" */
/** @import { Player } from "../../playback/player.js" */
/** @import { KeptText } from "./keptTexts.js" */

import { encodeTrace } from "../../playback/moments.js";
import { decodeStoredToken } from "../../playback/storedBranches.js";
import { textOf } from "../../playback/tokens.js";
import { closestTarget, createElement, find, setText } from "../../shared/dom.js";
import { currentLocale, formatNumber, translate } from "../../shared/messages.js";
import { checkpointRef } from "../../shared/session.js";
import { hasStorage, readStorage, writeStorage } from "../../shared/storage.js";
import { formatBytes, visibleText } from "../../shared/text.js";
import * as kept from "./keptTexts.js";
import { StatusLine } from "./statusLine.js";

const KEY = "token-playground.kept";
const TAIL = 30; // characters of the prompt that a row shows
const SHOWN = 200; // tokens of what was written: more than there is room for

export class KeptList {
  #context;
  #statusLine;
  #parts;
  /** @type {KeptText[]} */
  #texts = [];
  /** What the list shows, as it is stored.
   * @type {string | null | undefined} */
  #shown;
  /** What was deleted last, and where it was.
   * @type {{ text: KeptText, index: number } | null} */
  #removed = null;

  /** @param {HTMLElement} panel @param {ExploreContext} context */
  constructor(panel, context) {
    this.#context = context;
    this.#statusLine = new StatusLine(panel, "history");
    this.#parts = {
      form: find(panel, "form", HTMLFormElement),
      name: find(panel, ".keep__name", HTMLInputElement),
      add: find(panel, ".keep__add", HTMLButtonElement),
      undo: find(panel, "[data-keep=undo]", HTMLButtonElement),
      list: find(panel, ".keep__list"),
      room: find(panel, ".keep__room"),
    };
    this.#parts.name.maxLength = kept.NAME_MAX;
    this.#listen();
  }

  /** @param {Player} player */
  draw({ session, trace }) {
    const { add, form } = this.#parts;
    form.hidden = !hasStorage();
    add.disabled = !session || trace.prompt.length === 0;
    if (!hasStorage()) this.#statusLine.warn(translate("keep.denied"));
    this.#read();
  }

  #listen() {
    const { form, undo, list } = this.#parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    undo.addEventListener("click", () => this.#undo());
    list.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-act]");
      const text = button && this.#textOf(button);
      if (!text) return;
      if (button.dataset.act === "open") this.#open(text);
      else this.#remove(text);
    });
    list.addEventListener("change", ({ target }) => {
      const field = /** @type {HTMLInputElement} */ (target);
      const text = this.#textOf(field);
      if (text && this.#write(kept.rename(this.#texts, text.id, field.value))) this.#statusLine.show(translate("keep.named"));
    });
    list.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing && event.target instanceof HTMLInputElement) event.target.blur();
    });
    addEventListener("storage", ({ key }) => key === KEY && this.#read()); // another window has changed it
  }

  #add() {
    const { session, step, sampling, seed, trace } = this.#context.player;
    if (!session) return;
    const texts = kept.add(this.#texts, {
      name: this.#parts.name.value,
      at: Date.now(),
      place: checkpointRef(session, step),
      sampling,
      seed,
      trace: encodeTrace(trace),
    });
    if (!texts) this.#statusLine.warn(translate("keep.full"));
    else if (this.#write(texts)) {
      this.#parts.name.value = "";
      this.#statusLine.show(translate("keep.added"));
    }
  }

  /** @param {KeptText} text */
  async #open(text) {
    this.#context.close();
    try {
      await this.#context.openText(text);
    } catch (error) {
      this.#context.onError(error);
    }
  }

  /** @param {KeptText} text */
  #remove(text) {
    const index = this.#texts.indexOf(text);
    if (!this.#write(kept.remove(this.#texts, text.id))) return;
    this.#removed = { text, index };
    this.#parts.undo.hidden = false;
    this.#parts.undo.focus();
    this.#statusLine.show(translate("keep.removed"));
  }

  #undo() {
    if (!this.#removed) return;
    const { text, index } = this.#removed;
    if (!this.#write(kept.restore(this.#texts, text, index))) return;
    this.#statusLine.show(translate("keep.restored"));
    find(this.#parts.list, `[data-id="${text.id}"] [data-act=open]`).focus();
  }

  /** Returns whether the texts are kept.
   * @param {KeptText[]} texts */
  #write(texts) {
    this.#removed = null;
    this.#parts.undo.hidden = true;
    const isKept = writeStorage(KEY, kept.encode(texts));
    if (!isKept) this.#statusLine.warn(translate("keep.full"));
    this.#read();
    return isKept;
  }

  #read() {
    const stored = readStorage(KEY);
    if (stored === this.#shown) return;
    this.#shown = stored;
    this.#texts = kept.decode(stored);
    const { list, room } = this.#parts;
    list.replaceChildren(...this.#texts.map(createRow));
    const bytes = formatBytes(kept.bytesOf(this.#texts), kept.BYTES_MAX);
    setText(room, this.#texts.length ? translate("keep.room", { count: this.#texts.length, bytes }) : translate("keep.none"));
  }

  /** @param {HTMLElement} part of a row */
  #textOf(part) {
    const id = Number(part.closest("li")?.dataset.id);
    return this.#texts.find((text) => text.id === id);
  }
}

/** @param {KeptText} text */
function createRow({ id, name, at, place, trace }) {
  const row = createElement("li", "kept");
  row.dataset.id = String(id);
  const field = createElement("input", "field__input kept__name");
  Object.assign(field, { type: "text", value: name, maxLength: kept.NAME_MAX, dir: "auto", autocomplete: "off", placeholder: translate("keep.unnamed") });
  field.setAttribute("aria-label", translate("keep.name"));
  const text = createElement("p", "kept__text", (trace.prompt.length > TAIL ? "…" : "") + visibleText(Array.from(trace.prompt).slice(-TAIL).join("")));
  text.setAttribute("translate", "no");
  text.append(createElement("span", "kept__written", visibleText(textOf(trace.tokens.slice(0, SHOWN).map(decodeStoredToken)))));
  const facts = [
    place.name ?? "",
    place.step == null ? "" : translate("keep.step", { step: place.step }),
    translate("keep.written", { count: trace.tokens.length }),
    new Date(at).toLocaleString(currentLocale(), { dateStyle: "medium", timeStyle: "short" }),
  ].filter(Boolean).join(" · ");
  const label = name || text.textContent || formatNumber(id);
  const buttons = /** @type {const} */ (["open", "remove"]).map((act) => {
    const button = createElement("button", "button button--small", translate(`keep.${act}`));
    button.type = "button";
    button.dataset.act = act;
    button.setAttribute("aria-label", `${button.textContent}: ${label}`);
    return button;
  });
  row.append(field, ...buttons, text, createElement("p", "kept__facts", facts));
  return row;
}
