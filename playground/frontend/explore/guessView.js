// What the guessing game shows: the text, the chips, the model's bars, and the bits. All of it with
// textContent: texts are a visitor's or a model's.

/** @import { Rest } from "../types.js" */
/** @import { Bet, Guess } from "./bets.js" */
/** @import { Round, Score } from "./guessRound.js" */

import { config } from "../shared/config.js";
import { createElement, setText } from "../shared/dom.js";
import { formatNumber, translate } from "../shared/messages.js";
import { sessionName } from "../shared/session.js";
import { directionOf, formatPercent, tokenLabel } from "../shared/text.js";
import { CHIPS, quality } from "./bets.js";

const BITS_DIGITS = 2;
const VOCABULARY_MAX = 300; // characters of a list to choose from

/** @param {number} bits */
export const formatBits = (bits) => formatNumber(bits, BITS_DIGITS);

/** A token as the guessing game names it.
 * @param {string} token */
export function tokenName(token) {
  if (token === " ") return translate("guess.space");
  return token === "\n" ? translate("guess.newline") : tokenLabel(token);
}

/** The text that was given, and the tokens that were guessed.
 * @param {HTMLElement} element @param {Round | null} round null: on its way @param {Guess[]} guesses */
export function drawText(element, round, guesses) {
  element.setAttribute("aria-busy", String(!round));
  const [before, after, gap] = /** @type {HTMLElement[]} */ ([...element.children]);
  if (!round) {
    for (const part of [before, after]) part.replaceChildren();
    return;
  }
  const { context, tokens } = round;
  element.dir = directionOf(context);
  setText(before, context);
  if (after.children.length > guesses.length) after.replaceChildren();
  for (const [index, guess] of guesses.entries()) {
    const shown = after.children[index] ?? after.appendChild(createElement("span"));
    shown.className = `guess__token guess__token--${quality(guess)}`;
    setText(shown, tokens[index].token);
  }
  gap.hidden = guesses.length === tokens.length;
  setText(gap, gap.hidden ? "" : "?");
  element.scrollTop = element.scrollHeight;
}

/** The chips, each pile with buttons that move them. False where the button that had the focus is gone.
 * @param {HTMLElement} list @param {Bet} bet @param {boolean} isOver whether the guess is shown */
export function drawPiles(list, { piles }, isOver) {
  const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement) ? document.activeElement.dataset : null;
  list.replaceChildren(...piles.map(([token, chips]) => createPile(token, chips, isOver)));
  if (!focused) return true;
  const button = /** @type {HTMLButtonElement | undefined} */ ([...list.querySelectorAll("button")].find(
    ({ dataset }) => dataset.pile === focused.pile && dataset.guess === focused.guess));
  button?.focus();
  return button !== undefined;
}

/** @param {string} token @param {number} chips @param {boolean} isOver */
function createPile(token, chips, isOver) {
  const name = tokenName(token);
  const button = (/** @type {string} */ act, /** @type {string} */ sign) => {
    const element = createElement("button", "button", sign);
    element.type = "button";
    Object.assign(element.dataset, { guess: act, pile: token });
    element.setAttribute("aria-label", translate(`guess.${act}`, { token: name }));
    element.disabled = isOver;
    return element;
  };
  const pile = createElement("li", "pile");
  const label = createElement("span", "pile__token", name);
  label.setAttribute("translate", "no");
  const count = createElement("span", "pile__chips", "●".repeat(chips));
  count.setAttribute("role", "img");
  count.setAttribute("aria-label", translate("guess.chips", { count: chips }));
  pile.append(label, button("less", "−"), count, button("more", "+"));
  return pile;
}

/** The model's bars, as long as they are covered.
 * @param {HTMLElement} list */
export function coverBars(list) {
  list.replaceChildren(...Array.from({ length: config.generation.candidates }, () => createBar("?", null, "", "guess__bar--covered")));
  list.setAttribute("aria-hidden", "true");
}

/** The model's bars for a token that has come, which has one of its own.
 * @param {HTMLElement} list @param {Score} score @param {string} token */
export function drawBars(list, { candidates, other, prob }, token) {
  const isListed = candidates.some((candidate) => candidate.token === token);
  const rows = isListed ? candidates : [...candidates, { token, prob }];
  const bars = rows.map((row) => createBar(tokenName(row.token), row.prob, formatPercent(row.prob), row.token === token ? "guess__bar--came" : ""));
  const rest = isListed ? other : { count: other.count - 1, prob: Math.max(0, other.prob - prob) };
  list.replaceChildren(...bars, ...(rest.count > 0 ? [createRest(rest)] : []));
  list.removeAttribute("aria-hidden");
}

/** @param {string} name @param {number | null} prob @param {string} percent @param {string} className */
function createBar(name, prob, percent, className) {
  const bar = createElement("li", `guess__bar ${className}`);
  const fill = createElement("span", "guess__fill");
  fill.style.setProperty("--p", String(prob ?? 1));
  bar.append(createElement("span", "guess__name", name), " ", fill, " ", createElement("span", "guess__percent", percent));
  return bar;
}

/** @param {Rest} rest */
function createRest({ count, prob }) {
  const row = createElement("li", "guess__bar guess__bar--other");
  row.append(createElement("span", "guess__name", translate("drawer.others", { count })), " ", createElement("span", "guess__percent", formatPercent(prob)));
  return row;
}

/** Bits of each player: at this token, null for none, and their mean so far.
 * @param {HTMLElement} table @param {{ name: string, now: number | null, mean: number }[]} players
 * @param {boolean} isOver whether only the means matter */
export function drawScores(table, players, isOver) {
  const most = Math.max(...players.map(({ mean }) => mean));
  const rows = players.map(({ name, now, mean }) => {
    const row = createElement("tr");
    const head = createElement("th", "", translate(`guess.${name}`));
    head.scope = "row";
    const bar = createElement("span", "guess__score");
    bar.style.setProperty("--p", String(mean / most));
    const cells = [createElement("td", "guess__now", now === null ? "" : formatBits(now)), createElement("td", "", formatBits(mean)), createElement("td")];
    cells[2].append(bar);
    row.append(head, ...cells);
    return row;
  });
  table.querySelector("tbody")?.replaceChildren(...rows);
  for (const cell of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll(".guess__now"))) cell.hidden = isOver;
}

/** The characters to choose from with the mouse.
 * @param {HTMLElement} element @param {string[]} vocabulary */
export const drawVocabulary = (element, vocabulary) =>
  element.replaceChildren(...vocabulary.slice(0, VOCABULARY_MAX).map(createGuess));

/** The tokens that what is typed may stand for.
 * @param {HTMLElement} element @param {string[]} tokens */
export const drawReadings = (element, tokens) => element.replaceChildren(...tokens.map(createGuess));

/** @param {string} token */
function createGuess(token) {
  const button = createElement("button", "chip", tokenName(token));
  button.type = "button";
  button.dataset.guessed = token;
  button.setAttribute("translate", "no");
  return button;
}

/** The result as a text to be sent: the bits, and a mark for each guess. It tells nothing of the text.
 * @param {Round} round @param {Guess[]} guesses @param {{ name: string, mean: number }[]} players @param {string} address */
export function resultText({ seed, session }, guesses, players, address) {
  const marks = { most: "■", some: "▪", none: "·" };
  const title = translate("guess.result_title", { seed, model: sessionName(session) });
  const scores = players.map(({ name, mean }) => `${translate(`guess.${name}`)} ${formatBits(mean)}`).join(" · ");
  return [title, guesses.map((guess) => marks[quality(guess)]).join(""), `${scores} ${translate("guess.unit")}`, address].filter(Boolean).join("\n");
}

/** What is said of the chips.
 * @param {number} placed @param {number} vocabularySize */
export const handText = (placed, vocabularySize) =>
  translate("guess.hand", { placed, chips: CHIPS, size: vocabularySize });
