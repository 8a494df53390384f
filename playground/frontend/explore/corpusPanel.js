// The corpus panel: how often each of the model's candidates followed in its training text, and where.

/** @import { CorpusRequest, CorpusResponse, ExploreContext, ExplorePanel, PlayableSession } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { Lookup } from "./corpusShares.js" */
/** @import { PairedRow } from "./pairedBars.js" */

import { goByKey } from "../playback/positionKeys.js";
import { tokenAt } from "../playback/trace.js";
import { lookUp } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, createElement, drawSliderTrack, find, setText } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { LruCache } from "../shared/lruCache.js";
import { formatNumber, translate } from "../shared/messages.js";
import { apiMessage, asRequestError } from "../shared/requestError.js";
import { characters, directionOf, formatPercent, visibleText } from "../shared/text.js";
import { lookupOf, sharesOf, verdictOf } from "./corpusShares.js";
import { othersRow, PairedBars } from "./pairedBars.js";
import { decodeState, encodeState, obstacleOf, PositionButtons, positionOf, tokensBefore } from "./position.js";

const SETTLE_MS = 120; // a slider that is dragged, a place that is passed
const SHOWN_BEFORE = 160; // tokens
const SHOWN_AFTER = 40;
const CACHED_ANSWERS = 200;
const SLOW_MS = 500; // until a wait is told

/** @implements {ExplorePanel} */
export class CorpusPanel {
  #player;
  #context;
  #parts;
  #position;
  #bars;
  #request = new LatestRequest();
  /** How many tokens are looked up; null: as many as occur.
   * @type {number | null} */
  #length = null;
  /** Answers by their questions, as JSON.
   * @type {LruCache<CorpusResponse>} */
  #answers = new LruCache(CACHED_ANSWERS);
  /** The question that was asked last, and what went wrong with it. */
  #asked = "";
  #failure = "";
  #isSlow = false;

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#context = context;
    this.#player = context.player;
    this.#position = new PositionButtons(element, context.player);
    this.#bars = new PairedBars(find(element, ".pairs"), sayRow);
    this.#parts = {
      text: find(element, ".corpus__text"),
      before: find(element, ".corpus__before"),
      used: find(element, ".corpus__used"),
      next: find(element, ".corpus__next"),
      after: find(element, ".corpus__after"),
      slider: find(element, "input", HTMLInputElement),
      k: find(element, ".corpus__k"),
      longest: find(element, "[data-corpus=longest]", HTMLButtonElement),
      retry: find(element, "[data-corpus=retry]", HTMLButtonElement),
      verdict: find(element, ".corpus__verdict"),
      found: find(element, ".corpus__found"),
      places: find(element, ".corpus__places"),
      quotes: find(element, ".corpus__quotes"),
    };
    this.#listen(element);
  }

  get state() {
    return encodeState({ p: this.#player.caret, k: this.#length });
  }

  /** @param {string} state */
  open(state) {
    const { p, k } = decodeState(state);
    if (state) this.#length = k === undefined ? null : Math.min(k, config.corpus.lookup_max);
    if (p !== undefined) this.#player.goTo(p);
  }

  close() {
    this.#request.cancel();
    this.#asked = "";
  }

  focus() {
    this.#parts.text.focus();
  }

  /** @param {Player} player */
  draw(player) {
    this.#position.draw(player);
    const { session } = player;
    const obstacle = obstacleOf(player);
    const end = !obstacle && session ? lookupOf(session, player.trace, positionOf(player)) : null;
    const question = end && session ? JSON.stringify(questionOf(session, end, this.#length)) : "";
    if (question && !this.#answers.has(question)) this.#ask(question);
    const found = this.#answers.get(question);
    this.#drawText(player, characters(found?.context_used ?? "").length);
    this.#drawLength(end?.available ?? 0, found);
    this.#drawVerdict(obstacle, found, end?.available ?? 0);
    this.#drawFound(player, found, obstacle);
  }

  /** @param {string} question */
  async #ask(question) {
    if (question === this.#asked) return;
    this.#asked = question;
    this.#failure = "";
    this.#isSlow = false;
    setTimeout(() => {
      if (question !== this.#asked || this.#answers.has(question)) return;
      this.#isSlow = true;
      this.draw(this.#player);
    }, SLOW_MS);
    try {
      const found = await this.#request.send((signal) => lookUp(JSON.parse(question), signal), SETTLE_MS);
      if (!found) return;
      this.#answers.set(question, found);
    } catch (error) {
      this.#failure = apiMessage(asRequestError(error));
      this.#context.onError(error);
    }
    this.draw(this.#player);
  }

  /** @param {Player} player @param {number} count of the characters that were looked up */
  #drawText(player, count) {
    const { text, before, used, next, after } = this.#parts;
    const position = positionOf(player);
    const left = characters(tokensBefore(player, SHOWN_BEFORE).join(""));
    setText(before, (position > SHOWN_BEFORE ? "…" : "") + left.slice(0, left.length - count).join(""));
    setText(used, count ? left.slice(-count).join("") : "");
    const right = Array.from({ length: SHOWN_AFTER }, (_, index) => tokenAt(player.trace, position + index) ?? "");
    setText(next, right[0] ? visibleText(right[0]) : " ");
    setText(after, right.slice(1).join(""));
    text.dir = directionOf(left.join(""));
  }

  /** @param {number} available @param {CorpusResponse | undefined} found */
  #drawLength(available, found) {
    const { slider, k, longest } = this.#parts;
    slider.max = String(Math.max(1, available));
    slider.disabled = !available || this.#answers.size === 0 || found?.available === false; // no value yet
    if (found) slider.value = String(found.k);
    drawSliderTrack(slider);
    setText(k, formatNumber(slider.valueAsNumber));
    longest.setAttribute("aria-pressed", String(this.#length === null));
    longest.disabled = slider.disabled;
  }

  /** @param {string | null} obstacle @param {CorpusResponse | undefined} found @param {number} available */
  #drawVerdict(obstacle, found, available) {
    const { verdict, retry } = this.#parts;
    retry.hidden = !this.#failure || Boolean(obstacle) || Boolean(found);
    verdict.classList.toggle("corpus__verdict--never", found?.available === true && found.count === 0);
    setText(verdict, this.#sentence(obstacle, found, available));
  }

  /** @param {string | null} obstacle @param {CorpusResponse | undefined} found @param {number} available */
  #sentence(obstacle, found, available) {
    if (obstacle) return translate(obstacle);
    if (!found) return this.#failure || (this.#isSlow ? translate("corpus.looking") : this.#parts.verdict.textContent ?? "");
    if (!found.available) return found.reason ?? "";
    const { key, params, isEdge } = verdictOf(found, available, this.#length === null);
    return translate(key, params) + (isEdge ? ` ${translate("corpus.edge")}` : "");
  }

  /** @param {Player} player @param {CorpusResponse | undefined} found @param {string | null} obstacle */
  #drawFound({ next, isStale }, found, obstacle) {
    const { found: element, places, quotes } = this.#parts;
    const isKnown = found?.available && next && !isStale;
    element.classList.toggle("panel--stale", !isKnown);
    if (!isKnown) {
      if (obstacle || found?.available === false) element.hidden = true;
      return;
    }
    element.hidden = false;
    const { rows, others } = sharesOf(next, found);
    const drawn = rows.map(({ text, prob, share, times, isPick }) => ({ text, prob, second: share, isPick, note: noteOf(share, times) }));
    const rest = othersRow(others.count, { prob: others.prob, second: others.share, note: noteOf(others.share, others.times) });
    this.#bars.draw(others.count || others.times ? [...drawn, rest] : drawn);
    places.hidden = found.places.length === 0;
    quotes.replaceChildren(...found.places.map((place) => quoteOf(place, found.context_used)));
  }

  /** @param {HTMLElement} element */
  #listen(element) {
    const { slider, text } = this.#parts;
    slider.addEventListener("input", () => this.#lookUp(slider.valueAsNumber));
    text.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      if (goByKey(this.#player, event.key)) event.preventDefault();
    });
    element.addEventListener("click", (event) => {
      const action = closestTarget(event, "[data-corpus]")?.dataset.corpus;
      if (action === "longest") this.#lookUp(null);
      if (action !== "retry") return;
      this.#asked = "";
      this.draw(this.#player);
      text.focus();
    });
  }

  /** @param {number | null} length */
  #lookUp(length) {
    this.#length = length;
    this.draw(this.#player);
  }
}

/** @param {PlayableSession} session @param {Lookup} end @param {number | null} length @returns {CorpusRequest} */
const questionOf = ({ session_id }, { context, ids }, length) =>
  ({ session_id, context, ...(ids && { context_ids: ids }), ...(length !== null && { k: length }) });

/** @param {number} share @param {number} times */
const noteOf = (share, times) =>
  times ? translate("corpus.times", { percent: formatPercent(share), times: formatNumber(times) }) : translate("corpus.not_once");

/** @param {string} name @param {PairedRow} row */
const sayRow = (name, { prob, note }) => translate("corpus.row", { name, percent: formatPercent(prob), note });

/** A place in the training text, with what was looked up and what followed marked.
 * @param {CorpusResponse["places"][number]} place @param {string} context */
function quoteOf({ before, next, after }, context) {
  const quote = createElement("li", "corpus__quote");
  quote.append(
    createElement("span", "", `…${visibleText(before)}`),
    createElement("mark", "corpus__used", visibleText(context)),
    createElement("strong", "corpus__next", visibleText(next)),
    createElement("span", "", `${visibleText(after.slice(next.length))}…`),
  );
  return quote;
}
