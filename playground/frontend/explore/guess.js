// Guess first, Shannon's game (1951): the model's bars are covered; the learner puts chips on what
// comes next, then sees it, the bars, and what it cost in bits.
//
// State: the seed of the round; and for a reload the guesses so far, see bets.js.

/** @import { ExploreContext, ExplorePanel } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { Bet, Guess } from "./bets.js" */
/** @import { Round } from "./guessRound.js" */

import { randomSeed } from "../playback/sampling.js";
import { isTrained } from "../playback/unknown.js";
import { getRound, score, tokenize } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, createElement, find, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { asRequestError, describeError } from "../shared/requestError.js";
import { adaptToVocabulary, characters, unknownCharacters } from "../shared/text.js";
import * as bets from "./bets.js";
import { GuessDraft } from "./guessDraft.js";
import { GuessField } from "./guessField.js";
import { GuessResult } from "./guessResult.js";
import { loadRound, playersOf } from "./guessRound.js";
import * as view from "./guessView.js";

/** @implements {ExplorePanel} */
export class GuessGame {
  #context;
  #parts;
  #field;
  #draft = new GuessDraft(tokenize);
  #result;
  /** @type {number | null} */
  #seed = null;
  /** @type {Guess[]} */
  #guesses = [];
  /** @type {Bet} */
  #bet = bets.NO_BET;
  /** Whether the last guess is shown. */
  #isShown = false;
  /** @type {Round | null} */
  #round = null;
  /** The session and the seed of the round that was asked for last. */
  #key = "";
  /** Why there is none; "" while there is, or may be. */
  #problem = "";
  /** The session of the guesses. */
  #sessionId = "";

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#context = context;
    const part = (/** @type {string} */ name) => find(element, `.guess__${name}`);
    this.#parts = {
      element, round: part("round"), problem: part("problem"), reason: part("reason"), text: part("text"),
      form: find(element, ".guess__form", HTMLFormElement), go: find(element, ".guess__go", HTMLButtonElement),
      said: part("said"), scores: part("scores"), sides: part("sides"), hand: part("hand"), piles: part("piles"),
      all: find(element, ".guess__all", HTMLDetailsElement), vocabulary: part("vocabulary"), covered: part("covered"), bars: part("bars"),
      readings: part("readings"),
    };
    this.#result = new GuessResult(element);
    this.#field = new GuessField(find(element, ".guess__field", HTMLInputElement), {
      onText: (text, isComplete) => this.#type(text, isComplete),
      onComposed: (text) => this.#sayUnknown(text),
      onErase: () => this.#erase(),
      onKept: (text) => this.#read(text),
    });
    this.#listen();
  }

  /** @param {string} state */
  open(state) {
    const [, digits, progress] = /^(\d+)\.?(\w*)$/.exec(state) ?? [];
    const seed = Number(digits);
    if (digits !== undefined && seed <= config.link.seed_max) this.#start(seed, bets.decodeGuesses(progress));
    else if (this.#seed === null) this.#start(randomSeed());
    else if (this.#round && this.#round.step !== this.#step) this.#key = ""; // other bars
    else if (this.#round) this.#drawAll(); // it may have come while it was hidden, and did not scroll
  }

  /** With the keyboard at hand, one can type at once; where it would cover half of the screen, not. */
  focus() {
    if (matchMedia("(pointer: fine)").matches && !this.#parts.form.hidden) this.#field.focus();
    else this.#parts.text.focus();
  }

  get state() {
    return String(this.#seed ?? "");
  }

  /** What a reload keeps. */
  get moment() {
    return this.#guesses.length ? `${this.state}.${bets.encodeGuesses(this.#guesses)}` : this.state;
  }

  /** @param {Player} player */
  draw({ session }) {
    const key = session?.vocab_size ? `${session.session_id} ${this.#seed}` : "";
    if (key !== this.#key || !key) this.#load(key);
  }

  /** @param {number} seed @param {Guess[]} [guesses] */
  #start(seed, guesses = []) {
    this.#seed = seed;
    this.#guesses = guesses;
    this.#sessionId = "";
    this.#bet = bets.NO_BET;
    this.#isShown = false;
    this.#round = null;
    this.#key = "";
    this.#showMessage("");
  }

  /** The training step that the bars are of; null while the model learns on: that of when a round began. */
  get #step() {
    const { step, newest } = this.#context.player;
    return newest ? null : step;
  }

  /** @param {string} key */
  async #load(key) {
    const { session } = this.#context.player;
    const isOther = this.#sessionId !== "" && session?.session_id !== this.#sessionId;
    if (isOther && this.#seed !== null) this.#start(this.#seed); // its guesses were about another text
    this.#key = key;
    this.#round = null;
    this.#problem = key || session === undefined ? "" : translate("guess.no_model");
    this.#drawAll();
    if (!key || !isTrained(session) || this.#seed === null) return;
    try {
      const round = await loadRound({ getRound, score }, session, this.#step, this.#seed);
      if (key !== this.#key) return;
      this.#sessionId = session.session_id;
      this.#guesses = this.#guesses.slice(0, round.tokens.length);
      this.#isShown = this.#isShown && this.#guesses.length > 0;
      this.#round = round;
      this.#field.keepsText = session.tokenizer === "tokens";
      view.drawVocabulary(this.#parts.vocabulary, session.vocabulary);
      this.#drawAll();
    } catch (error) {
      if (key !== this.#key) return;
      this.#context.onError(error);
      this.#problem = describeError(asRequestError(error));
      this.#drawAll();
    }
  }

  #listen() {
    const { element, form, sides } = this.#parts;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#proceed();
    });
    element.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-guess], [data-guessed]");
      if (button) this.#act(button.dataset);
    });
    // The focus stays in the field, and with it the keyboard of a phone.
    for (const part of [form, sides]) {
      part.addEventListener("mousedown", (event) => {
        if (this.#field.isFocused && closestTarget(event, "button")) event.preventDefault();
      });
    }
  }

  /** @param {DOMStringMap} dataset of a button */
  #act({ guess = "", guessed, pile = "" }) {
    /** @type {Record<string, () => void>} */
    const acts = {
      space: () => this.#choose(" "),
      newline: () => this.#choose("\n"),
      more: () => this.#setBet(bets.add(this.#bet, pile)),
      less: () => this.#setBet(bets.take(this.#bet, pile)),
      again: () => this.#restart(this.#seed ?? randomSeed()),
      another: () => this.#restart(randomSeed()),
      retry: () => this.#load(this.#key),
      copy: () => this.#result.copy(),
    };
    if (guessed !== undefined) this.#choose(guessed);
    else acts[guess]?.();
  }

  /** Guess a token that is offered.
   * @param {string} token */
  #choose(token) {
    if (!this.#field.keepsText) this.#type(token, true);
    else if (!this.#isShown || this.#next()) this.#put(token);
  }

  /** @param {number} seed */
  #restart(seed) {
    this.#start(seed);
    this.draw(this.#context.player);
    this.focus();
  }

  /** Guess the characters of a text; those that the model doesn't know are said, once it is complete.
   * @param {string} text @param {boolean} isComplete */
  #type(text, isComplete) {
    if (!this.#round) return;
    const { known } = this.#round.session;
    if (this.#isShown && !this.#next()) return;
    const typed = characters(adaptToVocabulary(text, known)).slice(0, bets.CHIPS);
    let bet = this.#bet;
    for (const token of typed) if (known.has(token)) bet = bets.guess(bet, token);
    this.#setBet(bet);
    if (isComplete) this.#sayUnknown(text);
    if (typed.some((token) => known.has(token) && bets.chipsOn(bet, token) === 0)) this.#showMessage(translate("guess.full"), true);
  }

  /** Show what the text in the field may stand for.
   * @param {string} text */
  async #read(text) {
    if (!this.#round || (this.#isShown && !this.#next())) return;
    if (!text) return this.#clearDraft();
    try {
      if (await this.#draft.read(this.#round.session.session_id, text)) this.#drawReadings();
    } catch (error) {
      this.#showMessage(describeError(asRequestError(error)), true);
    }
  }

  /** Guess the first token of the text in the field. */
  async #guessDraft() {
    const { text } = this.#field;
    if (!this.#round || !text) return;
    try {
      if (!(await this.#draft.read(this.#round.session.session_id, text, 0))) return;
    } catch (error) {
      return this.#showMessage(describeError(asRequestError(error)), true);
    }
    const [reading] = this.#draft.readings;
    if (!reading) return;
    this.#put(reading.token);
    if (reading.count > 1) this.#showMessage(translate("guess.first_of", { text, count: reading.count, token: view.tokenName(reading.token) }));
  }

  /** Put chips on a token that is a piece of a word.
   * @param {string} token */
  #put(token) {
    const bet = bets.guess(this.#bet, token);
    this.#clearDraft();
    this.#setBet(bet);
    if (bets.chipsOn(bet, token) === 0) this.#showMessage(translate("guess.full"), true);
    this.#field.focus();
  }

  #clearDraft() {
    this.#field.clear();
    this.#draft.clear();
    this.#drawReadings();
  }

  #drawReadings() {
    view.drawReadings(this.#parts.readings, this.#draft.readings.map(({ token }) => token));
  }

  /** @param {string} text */
  #sayUnknown(text) {
    const { known } = this.#round?.session ?? {};
    const [character] = known ? unknownCharacters(adaptToVocabulary(text, known), known) : [];
    if (character !== undefined) this.#showMessage(translate("guess.unknown", { character: view.tokenName(character) }), true);
  }

  #erase() {
    const last = this.#bet.piles.at(-1);
    if (last && !this.#isShown) this.#setBet(bets.remove(this.#bet, last[0]));
  }

  /** @param {Bet} bet */
  #setBet(bet) {
    if (!this.#round || this.#isShown) return;
    this.#bet = bet;
    const placed = bet.piles.map(([token, chips]) => translate("guess.pile", { token: view.tokenName(token), count: chips }));
    this.#showMessage(placed.join(", "));
    this.#drawBet();
  }

  /** Show what came, or go on to the next. */
  #proceed() {
    if (!this.#round) return;
    if (this.#field.keepsText && this.#field.text && !this.#isShown) return void this.#guessDraft();
    this.#clearDraft();
    if (this.#isShown) this.#next();
    else if (bets.placedChips(this.#bet) === 0) this.#showMessage(translate("guess.first"), true);
    else this.#show(this.#round);
  }

  /** @param {Round} round */
  #show(round) {
    const { token } = round.tokens[this.#guesses.length];
    this.#guesses = [...this.#guesses, bets.settle(this.#bet, token)];
    this.#isShown = true;
    this.#drawAll();
    const [you, model] = playersOf(round, this.#guesses).map(({ bits }) => view.formatBits(bits[bits.length - 1]));
    this.#showMessage(translate("guess.came", { token: view.tokenName(token), you, model }));
  }

  /** Go on to the next token; false at the end.
   * @returns {boolean} */
  #next() {
    this.#isShown = false;
    this.#bet = bets.NO_BET;
    this.#showMessage("");
    this.#drawAll();
    if (!this.#isOver) return true;
    this.#result.focus();
    return false;
  }

  get #isOver() {
    return this.#round !== null && !this.#isShown && this.#guesses.length === this.#round.tokens.length;
  }

  #drawAll() {
    const { text, form, scores, sides, said, round: caption } = this.#parts;
    const round = this.#round;
    const isOver = this.#isOver;
    this.#drawProblem();
    text.hidden = this.#problem !== "";
    for (const part of [form, sides]) part.hidden = isOver || this.#problem !== "";
    this.#result.draw(isOver ? round : null, this.#guesses);
    scores.hidden = !round || this.#guesses.length === 0;
    said.hidden = isOver;
    view.drawText(text, round, this.#guesses);
    this.#drawBars();
    this.#drawBet();
    if (round) this.#drawScores(round);
    const found = round && [this.#place(round), translate(`guess.from_${round.source}`)].join(" · ");
    setText(caption, found || (this.#problem ? "" : translate("guess.loading")));
  }

  /** @param {Round} round */
  #place({ seed, tokens }) {
    const number = Math.min(tokens.length, this.#guesses.length + (this.#isShown ? 0 : 1));
    return translate(this.#isOver ? "guess.round" : "guess.place", { seed, number, total: tokens.length });
  }

  #drawBet() {
    const { piles, hand, go, all, form } = this.#parts;
    const { session } = this.#context.player;
    const hasFocus = view.drawPiles(piles, this.#bet, this.#isShown);
    if (!hasFocus) this.#field.focus();
    setText(hand, view.handText(bets.placedChips(this.#bet), session?.vocab_size ?? 0));
    const isLast = this.#guesses.length === this.#round?.tokens.length;
    setText(go, translate(this.#isShown ? (isLast ? "guess.finish" : "guess.next") : "guess.show"));
    const isOfTokens = session?.tokenizer === "tokens"; // then a space is typed
    all.hidden = this.#isShown || isOfTokens;
    find(form, "[data-guess=space]").hidden = !session?.known.has(" ");
    find(form, "[data-guess=newline]").hidden = !isOfTokens && !session?.known.has("\n");
  }

  #drawBars() {
    const { bars, covered } = this.#parts;
    const round = this.#isShown ? this.#round : null;
    const index = this.#guesses.length - 1;
    setText(covered, translate(round ? "guess.uncovered" : "guess.covered"));
    if (round) view.drawBars(bars, round.scores[index], round.tokens[index].token);
    else view.coverBars(bars);
  }

  /** @param {Round} round */
  #drawScores(round) {
    if (this.#guesses.length === 0) return;
    const players = playersOf(round, this.#guesses);
    const means = players.map(({ name, bits }) => ({ name, mean: bets.mean(bits), now: this.#isShown ? bits[bits.length - 1] : null }));
    view.drawScores(this.#parts.scores, means, this.#isOver);
  }

  #drawProblem() {
    const { problem, reason } = this.#parts;
    problem.hidden = this.#problem === "";
    setText(reason, this.#problem);
    find(problem, "button").hidden = !this.#key;
  }

  /** @param {string} text @param {boolean} [isProblem] */
  #showMessage(text, isProblem = false) {
    const { said } = this.#parts;
    said.classList.toggle("guess__said--problem", isProblem);
    // A new element: a sentence that equals the last one is read again.
    said.replaceChildren(createElement("span", "", text));
  }
}
