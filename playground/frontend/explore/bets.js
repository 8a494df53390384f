// A guess about the next token as chips on tokens, and what it costs in bits once the token is known;
// after Shannon, Prediction and entropy of printed English (1951). Pure: no DOM, no network.
//
// One chip more than there are lies spread over the whole vocabulary, and so do those that are kept
// in hand: no token is impossible, and the probabilities add up to 1.

export const CHIPS = 10;

const RADIX = 36; // of a digit in a state
const HALF = 0.5;

/** Chips by token, in the order in which they were guessed.
 * isEven: they were typed and not moved since, so that the next one typed shares them out anew.
 * @typedef {{ piles: readonly (readonly [token: string, chips: number])[], isEven: boolean }} Bet */

/** A bet once its token is known. chips: that lay on that token. placed: that lay on any.
 * @typedef {{ chips: number, placed: number }} Guess */

/** @type {Bet} */
export const NO_BET = { piles: [], isEven: true };

/** @param {Bet} bet */
export const placedChips = ({ piles }) => piles.reduce((sum, [, chips]) => sum + chips, 0);

/** @param {Bet} bet @param {string} token */
export const chipsOn = ({ piles }, token) => piles.find(([other]) => other === token)?.[1] ?? 0;

/** Guess a token: all chips lie on what was typed, in even parts; once they were moved, one more does.
 * The same bet where there is no chip left for another token.
 * @param {Bet} bet @param {string} token @returns {Bet} */
export function guess(bet, token) {
  if (!bet.isEven || chipsOn(bet, token) > 0) return bet.piles.length === 1 && bet.isEven ? bet : add(bet, token);
  if (bet.piles.length === CHIPS) return bet;
  return { piles: shareOut([...bet.piles.map(([other]) => other), token]), isEven: true };
}

/** Put one more chip on a token: from the hand, or else from the highest other pile.
 * @param {Bet} bet @param {string} token @returns {Bet} */
export function add(bet, token) {
  const isFree = placedChips(bet) < CHIPS;
  const others = bet.piles.filter(([other, chips]) => other !== token && chips > 1);
  const [from] = [...others].sort(([, a], [, b]) => b - a);
  if (!isFree && !from) return bet;
  const piles = bet.piles.map(([other, chips]) => /** @type {const} */ ([other, chips - Number(!isFree && other === from[0])]));
  return { piles: withChips(piles, token, chipsOn(bet, token) + 1), isEven: false };
}

/** Take one chip of a token back into the hand.
 * @param {Bet} bet @param {string} token @returns {Bet} */
export function take(bet, token) {
  return { piles: withChips(bet.piles, token, chipsOn(bet, token) - 1).filter(([, chips]) => chips > 0), isEven: false };
}

/** Take the guess of a token back.
 * @param {Bet} bet @param {string} token @returns {Bet} */
export function remove({ piles, isEven }, token) {
  const rest = piles.filter(([other]) => other !== token);
  return isEven || rest.length === 0 ? { piles: shareOut(rest.map(([other]) => other)), isEven: true } : { piles: rest, isEven };
}

/** @param {Bet["piles"]} piles @param {string} token @param {number} chips @returns {Bet["piles"]} */
function withChips(piles, token, chips) {
  if (!piles.some(([other]) => other === token)) return [...piles, [token, chips]];
  return piles.map((pile) => (pile[0] === token ? [token, chips] : pile));
}

/** All chips in even parts; the first ones get what is over.
 * @param {string[]} tokens @returns {Bet["piles"]} */
const shareOut = (tokens) =>
  tokens.map((token, index) => [token, Math.floor(CHIPS / tokens.length) + Number(index < CHIPS % tokens.length)]);

/** @param {Bet} bet @param {string} token that came @returns {Guess} */
export const settle = (bet, token) => ({ chips: chipsOn(bet, token), placed: placedChips(bet) });

/** The probability that a guess gave to the token that came.
 * @param {Guess} guess @param {number} vocabularySize */
export const probabilityOf = ({ chips, placed }, vocabularySize) =>
  (chips + (CHIPS + 1 - placed) / vocabularySize) / (CHIPS + 1);

/** @param {Guess} guess @param {number} vocabularySize */
export const bitsOf = (guess, vocabularySize) => -Math.log2(probabilityOf(guess, vocabularySize));

/** @param {number[]} values */
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How good a guess was: most chips on what came, some, or none.
 * @param {Guess} guess @returns {"most" | "some" | "none"} */
export function quality({ chips }) {
  if (chips > CHIPS * HALF) return "most";
  return chips > 0 ? "some" : "none";
}

/** The guesses of a round for a reload: two digits each.
 * @param {Guess[]} guesses */
export const encodeGuesses = (guesses) =>
  guesses.map(({ chips, placed }) => chips.toString(RADIX) + placed.toString(RADIX)).join("");

/** What `encodeGuesses` made; none where it is something else.
 * @param {string} text @returns {Guess[]} */
export function decodeGuesses(text) {
  const pairs = text.match(/../g) ?? [];
  const guesses = pairs.map(([chips, placed]) => ({ chips: parseInt(chips, RADIX), placed: parseInt(placed, RADIX) }));
  const isWhole = guesses.every(({ chips, placed }) => chips >= 0 && chips <= placed && placed >= 1 && placed <= CHIPS);
  return isWhole && text.length === 2 * guesses.length ? guesses : [];
}
