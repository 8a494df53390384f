// The end of a round: who needed fewer bits, and a text to be sent with a link to the same round.

/** @import { Guess } from "./bets.js" */
/** @import { Round } from "./guessRound.js" */

import { copyField } from "../shared/clipboard.js";
import { find, setText } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { createExploreAddress } from "../sharing/address.js";
import { mean } from "./bets.js";
import { beaten, playersOf } from "./guessRound.js";
import { resultText } from "./guessView.js";

export class GuessResult {
  #parts;

  /** @param {HTMLElement} panel */
  constructor(panel) {
    const part = (/** @type {string} */ name) => find(panel, `.guess__${name}`);
    this.#parts = {
      result: part("result"), over: part("over"), beaten: part("beaten"), advice: part("advice"), again: part("again"),
      copy: find(panel, ".guess__copy", HTMLTextAreaElement), copied: part("copied"),
    };
  }

  focus() {
    this.#parts.over.focus();
  }

  /** @param {Round | null} round null: it is not over @param {Guess[]} guesses */
  draw(round, guesses) {
    const { result, again, beaten: verdict, advice, copy, copied } = this.#parts;
    for (const part of [result, again]) part.hidden = !round;
    if (!round) return;
    const { session, step, seed } = round;
    const players = playersOf(round, guesses);
    const names = beaten(players).map(({ name }) => translate(`guess.${name}`));
    setText(verdict, names.length ? translate("guess.beaten", { names: names.join(", ") }) : translate("guess.beaten_none"));
    // Where a guess was worse than none: all characters alike.
    advice.hidden = Math.max(...players[0].bits) <= Math.log2(session.vocab_size);
    const place = { model: session.session_id, step, explore: `guess.${seed}` };
    const address = session.source === "live" ? "" : createExploreAddress(place); // a live one can't travel
    copy.value = resultText(round, guesses, players.map(({ name, bits }) => ({ name, mean: mean(bits) })), address);
    setText(copied, "");
  }

  async copy() {
    const { copy, copied } = this.#parts;
    const hasCopied = await copyField(copy);
    setText(copied, translate(hasCopied ? "share.copied" : "share.copy_yourself"));
  }
}
