// How surprised the model is by each token of a text: of that on screen, or of one of the visitor's own.

/** @import { ExploreContext, ExplorePanel, PlayableSession, ScoreResponse } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { ScoredToken } from "./surprise.js" */

import { scoreBody } from "../playback/stepRequest.js";
import { lastTokens, scoredFrom } from "../playback/trace.js";
import { createChips } from "../playback/vocabularyList.js";
import { toBits } from "../shared/bits.js";
import { score, substitute } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, find, setText } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { formatNumber, translate } from "../shared/messages.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { adaptToVocabulary, characters, unknownCharacters } from "../shared/text.js";
import { decodeScore, hardest } from "./surprise.js";
import { SurpriseStrip } from "./surpriseStrip.js";
import { SurpriseText } from "./surpriseText.js";
import { createExcerpt, createLegend, describeToken, notesOf, Reading, summaryOf } from "./surpriseWords.js";

const TYPING_MS = 400; // after the last letter typed
const PLACES = 6; // hardest ones that are listed

/** A text to score. offset: tokens before it that are left out; ids: of those after it, where they are
 * pieces of words. newest: by the newest step of a model
 * that is learning, which may be a later one than `step`.
 * @typedef {{ session: PlayableSession | null | undefined, step: number | null, newest: boolean, text: string, length: number, offset: number, ids?: number[], isOwn: boolean }} Asked
 * @typedef {Asked & { asked: Asked, tokens: ScoredToken[] }} Shown */

/** @implements {ExplorePanel} */
export class SurprisePanel {
  #context;
  #parts;
  #text;
  #strip;
  #reading;
  #isOwn = false;
  /** @type {Asked | null} */
  #asked = null;
  /** @type {Shown | null} */
  #shown = null;
  /** The position in the whole text that was chosen; null: the hardest one is shown.
   * @type {number | null} */
  #selected = null;
  #request = new LatestRequest();
  #timer = 0;
  /** Characters without a substitute that were left out of the visitor's own text.
   * @type {string[]} */
  #dropped = [];

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#context = context;
    const part = (/** @type {string} */ name) => find(element, `.surprise__${name}`);
    const button = (/** @type {string} */ name) => find(element, `[data-surprise=${name}]`, HTMLButtonElement);
    this.#parts = {
      ...{ own: part("own"), said: part("said"), names: part("names"), more: part("more"), view: part("view") },
      ...{ mean: part("line--mean span"), validation: part("line--validation"), places: part("places") },
      field: find(element, ".surprise__field", HTMLTextAreaElement),
      sources: [...element.querySelectorAll("input")],
      replace: button("replace"),
      retry: button("retry"),
      look: button("look"),
    };
    this.#reading = new Reading(part("sentence"));
    part("levels").replaceChildren(...createLegend());
    const onSelect = (/** @type {number} */ index) => this.#select(index);
    this.#text = new SurpriseText(part("text"), {
      onSelect,
      onHover: (index) => this.#reading.draw(this.#shown?.tokens[index ?? this.#index]),
      describe: (index) => describeToken(this.#shown?.tokens[index]),
    });
    this.#strip = new SurpriseStrip(find(element, ".surprise__strip", SVGElement), onSelect);
    this.#listen(element);
  }

  /** @param {string} state the position of the token that is selected */
  open(state) {
    if (!/^\d+$/.test(state)) return;
    this.#choose(false);
    this.#shown = null;
    this.#selected = Number(state);
  }

  close() {
    clearTimeout(this.#timer);
    this.#cancel();
  }

  get state() {
    return this.#isOwn || this.#selected === null ? "" : String(this.#selected);
  }

  /** @param {Player} player */
  draw(player) {
    if (this.#isOwn || !player.isUntokenized) this.#ask(player);
    this.#parts.look.hidden = this.#isOwn;
    this.#parts.look.disabled = this.#shown?.asked !== this.#asked || !player.canLookBack;
  }

  /** @param {HTMLElement} element */
  #listen(element) {
    const { field, sources, places } = this.#parts;
    for (const source of sources) {
      source.addEventListener("change", () => {
        this.#choose(source.value === "own");
        this.draw(this.#context.player);
      });
    }
    field.addEventListener("input", () => {
      this.#dropped = [];
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.draw(this.#context.player), TYPING_MS);
    });
    element.addEventListener("click", (event) => {
      const action = closestTarget(event, "[data-surprise]")?.dataset.surprise;
      if (action === "look") this.#look();
      if (action === "replace") this.#replace();
      if (action === "retry") this.#retry();
    });
    places.addEventListener("click", (event) => {
      const place = closestTarget(event, "[data-index]");
      if (!place) return;
      this.#select(Number(place.dataset.index));
      this.#text.focus();
    });
  }

  /** @param {boolean} isOwn */
  #choose(isOwn) {
    if (isOwn !== this.#isOwn) this.#selected = null;
    this.#isOwn = isOwn;
    for (const source of this.#parts.sources) source.checked = (source.value === "own") === isOwn;
    this.#parts.own.hidden = !isOwn;
  }

  #cancel() {
    this.#request.cancel();
    this.#asked = null;
  }

  /** Score the text, unless that was done.
   * @param {Player} player */
  #ask(player) {
    const asked = this.#wanted(player);
    if (this.#asked && isSameText(asked, this.#asked)) {
      // While a model learns, an answer is waited for before the next step is asked.
      if (asked.step === this.#asked.step || (asked.newest && this.#request.isPending)) return;
    }
    this.#cancel();
    this.#asked = asked;
    const { session, text, isOwn } = asked;
    const unknown = session?.vocabulary.length ? unknownCharacters(text, session.known) : [];
    if (!session) this.#showMessage(translate(session === null ? "status.no_model" : "drawer.loading"));
    else if (text === "") this.#showMessage(translate(isOwn ? "surprise.own_empty" : "surprise.empty"));
    else if (unknown.length) this.#showMessage(translate("surprise.unknown"), { names: unknown, canReplace: isOwn });
    else this.#score(asked, session);
  }

  /** @param {Player} player @returns {Asked} */
  #wanted({ session, step, newest, trace, length }) {
    const most = config.score.text_max;
    const isOwn = this.#isOwn;
    if (!isOwn && session?.tokenizer === "tokens") {
      const from = scoredFrom(trace);
      const { text, text_ids: ids } = scoreBody({ session, step }, trace, from);
      return { session, step, newest, text, ids, length: length - from, offset: from, isOwn };
    }
    const { value } = this.#parts.field;
    const all = isOwn ? characters(session?.vocabulary.length ? adaptToVocabulary(value, session.known) : value) : null;
    const tokens = all ? all.slice(-most) : lastTokens(trace, most);
    const offset = (all?.length ?? length) - tokens.length;
    return { session, step, newest, text: tokens.join(""), length: tokens.length, offset, isOwn };
  }

  /** @param {Asked} asked @param {PlayableSession} session */
  async #score(asked, session) {
    const { step, newest, text, ids } = asked;
    const body = { session_id: session.session_id, step: newest ? null : step, text, ...(ids && { text_ids: ids }) };
    this.#parts.view.setAttribute("aria-busy", "true");
    if (this.#parts.view.hidden) this.#showMessage(translate("surprise.scoring"));
    let response = null;
    try {
      response = await this.#request.send((signal) => score(body, { signal, timeoutMs: config.requests.hub_timeout_ms }));
    } catch (error) {
      this.#fail(error, session);
    }
    if (!response) return;
    const tokens = decodeScore(response, session.known);
    // What others have written falls into tokens as the model has them: the last are the same.
    const offset = asked.ids ? Math.max(0, asked.offset + asked.length - tokens.length) : asked.offset;
    this.#show({ ...asked, asked, offset, length: tokens.length, tokens }, response, session);
    this.draw(this.#context.player);
  }

  /** @param {unknown} error @param {PlayableSession} session */
  #fail(error, session) {
    const failure = asRequestError(error);
    this.#context.onError(error);
    let sentence = describeError(failure);
    if (failure.error === "ModelNotInitialized") sentence = translate("status.initializing");
    if (failure.error === "StepNotFound" && session.source === "live") sentence = translate("status.learned_on");
    this.#showMessage(sentence, { canRetry: true });
  }

  /** Replace the characters of the visitor's own text that the model doesn't know. */
  async #replace() {
    const { field } = this.#parts;
    const { player, onError } = this.#context;
    const { value } = field;
    if (!player.session) return;
    try {
      const { text, dropped } = await substitute(player.session.session_id, value);
      if (field.value !== value) return;
      field.value = text;
      this.#dropped = dropped;
      this.draw(player);
    } catch (error) {
      onError(error);
    }
  }

  #retry() {
    this.#asked = null;
    this.draw(this.#context.player);
  }

  /** Say something of a text, or in place of it.
   * @param {string} sentence @param {{ names?: string[], canReplace?: boolean, canRetry?: boolean, notes?: string, hasView?: boolean }} [more]
   *   names: characters. hasView: it is of the text that is shown below */
  #showMessage(sentence, { names = [], canReplace = false, canRetry = false, notes = "", hasView = false } = {}) {
    const { said, names: list, more, replace, retry, view } = this.#parts;
    view.hidden = !hasView;
    setText(said, sentence);
    setText(more, notes);
    list.replaceChildren(...createChips(names));
    replace.hidden = !canReplace;
    retry.hidden = !canRetry;
  }

  /** @param {Shown} shown @param {ScoreResponse} response @param {PlayableSession} session */
  #show(shown, response, session) {
    const isOther = this.#shown?.text !== shown.text || this.#shown.ids?.join() !== shown.ids?.join();
    const { tokens } = shown;
    if (isOther && this.#shown && this.#shown.isOwn === shown.isOwn) this.#selected = null;
    this.#shown = shown;
    const { view, validation, mean } = this.#parts;
    if (response.bits_per_character === null) {
      this.#showMessage(translate("surprise.one"));
      return;
    }
    const loss = response.sliding_val_loss === null ? null : toBits(response.sliding_val_loss);
    this.#showMessage(summaryOf(response, loss), {
      notes: notesOf(response, shown, session.block_size ?? 0, shown.isOwn ? this.#dropped : []),
      hasView: true,
    });
    view.setAttribute("aria-busy", "false");
    // Of a token, as the bars are; the sentence compares characters.
    const typical = loss === null ? null : loss * (session.characters_per_token ?? 1);
    setText(mean, translate("surprise.mean", { bits: formatNumber((response.total_bits ?? 0) / response.scored, 2) }));
    validation.hidden = typical === null;
    setText(validation.firstElementChild ?? validation, typical === null ? "" : translate("surprise.validation", { bits: formatNumber(typical, 2) }));
    this.#parts.places.replaceChildren(...hardest(tokens, PLACES).map((index) => createExcerpt(tokens, index)));
    this.#text.show(tokens);
    this.#strip.show(tokens, typical);
    this.#mark(isOther, true);
  }

  /** The token that is marked: of the scored ones. */
  get #index() {
    if (!this.#shown) return 0;
    const { tokens, offset } = this.#shown;
    const index = (this.#selected ?? -1) - offset;
    return index >= 0 && index < tokens.length ? index : hardest(tokens, 1)[0] ?? 0;
  }

  /** @param {number} index of the scored tokens */
  #select(index) {
    this.#selected = index + (this.#shown?.offset ?? 0);
    this.#mark(true);
  }

  /** @param {boolean} isFar whether it has to be brought into sight
   * @param {boolean} [waits] until it is drawn: the page answers meanwhile */
  #mark(isFar, waits = false) {
    const index = this.#index;
    this.#text.select(index, isFar, waits);
    this.#strip.select(index);
    this.#reading.draw(this.#shown?.tokens[index]);
  }

  #look() {
    const { player, close } = this.#context;
    if (!this.#shown) return;
    close();
    player.goTo(this.#index + this.#shown.offset);
  }
}

/** @param {Asked} one @param {Asked} other */
const isSameText = (one, other) =>
  one.session === other.session && one.newest === other.newest && one.text === other.text && one.ids?.join() === other.ids?.join() && one.offset === other.offset && one.isOwn === other.isOwn;
