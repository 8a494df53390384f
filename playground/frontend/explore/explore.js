// The dialog behind the drawer's one door: a tab for each way to explore a text. It draws the panel
// that is shown, while it is open.
//
// Location: the panel's name, with its own state after a dot, as in guess.1234; what a link and a reload keep.

/** @import { ExploreContext, ExplorePanel, Trace } from "../types.js" */
/** @import { Player } from "../playback/player.js" */

import { config } from "../shared/config.js";
import { makeClosable } from "../shared/dialog.js";
import { closestTarget, createElement, find } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { PANELS } from "./panels.js";

/** @typedef {{ name: string, tab: HTMLButtonElement, element: HTMLElement, panel: ExplorePanel }} Part */

export class Explore {
  #dialog;
  #player;
  #undo;
  #redo;
  /** @type {Part[]} */
  #parts;
  /** The panel that is shown, or was shown last.
   * @type {Part | undefined} */
  #current;

  /** @param {HTMLDialogElement} dialog @param {Player} player
   * @param {{ hide: string[], share: (trace?: Trace) => void, context: Omit<ExploreContext, "player" | "share" | "close"> }} options
   *   hide: panels that a course page hides; share: opens the link to a text, by default that on screen */
  constructor(dialog, player, { hide, share, context }) {
    this.#dialog = dialog;
    this.#player = player;
    this.#undo = find(dialog, "[data-action=undo]", HTMLButtonElement);
    this.#redo = find(dialog, "[data-action=redo]", HTMLButtonElement);
    const tabs = find(dialog, "[role=tablist]");
    const shared = { ...context, player, share, close: () => dialog.close() };
    const { panels } = config.explore;
    for (const name of panels) panelElement(dialog, name).hidden = true;
    const names = panels.filter((name) => !hide.includes(name));
    this.#parts = names.map((name) => {
      const element = panelElement(dialog, name);
      const tab = createTab(name, element);
      return { name, tab, element, panel: new PANELS[name](element, shared) };
    });
    tabs.replaceChildren(...this.#parts.map(({ tab }) => tab));
    tabs.hidden = this.#parts.length < 2;
    [this.#current] = this.#parts;
    makeClosable(dialog);
    tabs.addEventListener("click", (event) => this.#select(closestTarget(event, "[role=tab]")?.dataset.tab));
    tabs.addEventListener("keydown", (event) => this.#walk(event));
    dialog.addEventListener("close", () => this.#current?.panel.close?.());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  /** Where it is open; null while it is closed. */
  get location() {
    if (!this.isOpen || !this.#current) return null;
    const state = this.#current.panel.state ?? "";
    return this.#current.name + (state && `.${state}`);
  }

  /** The same for a reload: with what was done there. */
  get moment() {
    const moment = this.#current?.panel.moment;
    return this.isOpen && moment ? `${this.#current?.name}.${moment}` : this.location;
  }

  /** @param {string} [location] by default the panel that was shown last */
  open(location = this.#current?.name ?? "") {
    const [, name, state = ""] = /^(\w+)\.?(.*)$/.exec(location) ?? [];
    const part = this.#parts.find((one) => one.name === name) ?? this.#current;
    if (!part) return;
    this.#player.pause();
    if (!this.isOpen) this.#dialog.showModal();
    this.#show(part, state);
    if (part.panel.focus) part.panel.focus();
    else part.tab.focus();
  }

  /** @param {Player} player */
  draw(player) {
    if (!this.isOpen) return;
    this.#undo.disabled = !player.canUndo;
    this.#redo.disabled = !player.canRedo;
    this.#current?.panel.draw(player);
  }

  /** @param {Part} shown @param {string} state of its panel */
  #show(shown, state) {
    if (shown !== this.#current) this.#current?.panel.close?.();
    this.#current = shown;
    for (const { tab, element } of this.#parts) {
      const isShown = tab === shown.tab;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
      element.hidden = !isShown;
    }
    shown.tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    shown.panel.open(state);
    this.draw(this.#player);
  }

  /** @param {string | undefined} name */
  #select(name) {
    const part = this.#parts.find((one) => one.name === name);
    if (!part || part === this.#current) return;
    this.#show(part, "");
    part.tab.focus();
  }

  /** Arrow keys, Home and End move between the tabs.
   * @param {KeyboardEvent} event */
  #walk(event) {
    const index = this.#parts.findIndex((part) => part === this.#current);
    const count = this.#parts.length;
    /** @type {Record<string, number>} */
    const targets = { ArrowLeft: (index + count - 1) % count, ArrowRight: (index + 1) % count, Home: 0, End: count - 1 };
    if (!(event.key in targets)) return;
    event.preventDefault();
    this.#select(this.#parts[targets[event.key]].name);
  }
}

/** @param {HTMLElement} dialog @param {string} name */
const panelElement = (dialog, name) => find(dialog, `[data-panel=${name}]`);

/** @param {string} name @param {HTMLElement} element */
function createTab(name, element) {
  const tab = createElement("button", "explore__tab", translate(`explore.${name}`));
  tab.type = "button";
  tab.id = `explore-tab-${name}`;
  tab.dataset.tab = name;
  element.id ||= `explore-panel-${name}`;
  tab.setAttribute("role", "tab");
  tab.setAttribute("aria-controls", element.id);
  element.setAttribute("role", "tabpanel");
  element.setAttribute("aria-labelledby", tab.id);
  return tab;
}
