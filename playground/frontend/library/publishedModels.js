// The list of models published on the Hub; nothing is requested before it is opened.

/** @import { PublishedModel } from "../types.js" */

import { config } from "../shared/config.js";
import { closestTarget, createElement, find } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { currentLocale, translate } from "../shared/messages.js";
import { apiMessage, asRequestError } from "../shared/requestError.js";
import { formatCompact } from "../shared/text.js";
import { listModels } from "./hubApi.js";

const DEBOUNCE_MS = 200;

export class PublishedModels {
  #search;
  #list;
  #note;
  #retry;
  #onChoose;
  #latest = new LatestRequest();

  /** @param {HTMLDetailsElement} details @param {(repoId: string) => void} onChoose */
  constructor(details, onChoose) {
    this.#search = find(details, ".published__search", HTMLInputElement);
    this.#search.maxLength = config.hub.search_max;
    this.#list = find(details, ".published__models");
    this.#note = find(details, ".published__note p");
    this.#retry = find(details, ".published__again");
    this.#onChoose = onChoose;
    details.addEventListener("toggle", () => details.open && this.#request());
    this.#retry.addEventListener("click", () => {
      this.#search.focus();
      this.#request();
    });
    this.#search.addEventListener("input", () => this.#request(DEBOUNCE_MS));
    this.#list.addEventListener("click", (event) => {
      const repoId = closestTarget(event, "[data-repo]")?.dataset.repo;
      if (repoId) this.#onChoose(repoId);
    });
  }

  /** @param {number} [delayMs] within which a newer search costs nothing */
  async #request(delayMs = 0) {
    const search = this.#search.value.trim();
    this.#showNote(this.#list.children.length ? this.#note.textContent ?? "" : translate("hub.asking"));
    this.#list.setAttribute("aria-busy", "true");
    try {
      const models = await this.#latest.send((signal) => listModels(search, signal), delayMs);
      if (!models) return;
      this.#draw(models, search);
    } catch (error) {
      const failure = asRequestError(error);
      this.#list.replaceChildren();
      this.#showNote(apiMessage(failure), true);
    }
    this.#list.setAttribute("aria-busy", "false");
  }

  /** @param {PublishedModel[]} models @param {string} search */
  #draw(models, search) {
    const shownMax = config.hub.models_shown_max;
    const hidden = models.length - shownMax;
    this.#list.replaceChildren(...models.slice(0, shownMax).map(createRow));
    if (hidden > 0) this.#showNote(translate("hub.more", { count: hidden }));
    else if (models.length) this.#showNote("");
    else if (search) this.#showNote(translate("hub.nothing_found", { search }));
    else this.#showNote(translate("hub.nothing_yet"));
  }

  /** @param {string} text @param {boolean} [hasFailed] */
  #showNote(text, hasFailed = false) {
    this.#note.textContent = text;
    if (this.#note.parentElement) this.#note.parentElement.dataset.failed = String(hasFailed);
    this.#retry.hidden = !hasFailed;
  }
}

/** @param {PublishedModel} model */
function createRow({ repo_id: repoId, likes, downloads, params, last_modified: modified }) {
  const item = createElement("li");
  const button = createElement("button", "published__model");
  button.type = "button";
  button.dataset.repo = repoId;
  const facts = [
    translate("hub.likes", { count: likes, short: formatCompact(likes) }),
    translate("hub.downloads", { count: downloads, short: formatCompact(downloads) }),
    params === null ? null : translate("hub.params", { short: formatCompact(params) }),
    modified === null ? null : formatDay(new Date(modified)),
  ];
  button.append(
    createElement("span", "published__name", repoId), " ",
    createElement("span", "published__facts", facts.filter((fact) => fact !== null).join(" · ")),
  );
  item.append(button);
  return item;
}

/** @param {Date} date */
const formatDay = (date) => date.toLocaleDateString(currentLocale(), { day: "numeric", month: "short", year: "numeric" });
