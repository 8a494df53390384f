// Scores of branches whose tokens' probabilities aren't known, as after a link: requested for one branch
// after the other, while the tree is shown.

/** @import { ScoreRequest, ScoreResponse } from "../types.js" */
/** @import { Path } from "../playback/branches.js" */
/** @import { Player } from "../playback/player.js" */

import { traceOf } from "../playback/branches.js";
import { scoreBody } from "../playback/stepRequest.js";
import { textOf } from "../playback/tokens.js";
import { NO_BRANCHES } from "../playback/trace.js";
import { config } from "../shared/config.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { characters, unknownCharacters } from "../shared/text.js";

/** The model that scores, and the step that it is asked for: null for the newest.
 * @typedef {Pick<Player, "session" | "step" | "newest">} Scorer */

export class BranchScores {
  #score;
  #onKnown;
  #onError;
  #request = new LatestRequest();
  /** Probabilities of the written tokens by what they depend on; null where there are none.
   * @type {Map<string, (number | null)[] | null>} */
  #known = new Map();
  #hasFailed = false;

  /** @param {(body: ScoreRequest, options: { signal: AbortSignal }) => Promise<ScoreResponse>} score
   * @param {() => void} onKnown called when one more is known @param {(error: unknown) => void} onError */
  constructor(score, onKnown, onError) {
    this.#score = score;
    this.#onKnown = onKnown;
    this.#onError = onError;
  }

  /** Forget what is known, and ask again even after a failure. */
  clear() {
    this.#request.cancel();
    this.#known.clear();
    this.#hasFailed = false;
  }

  /** A text with the probabilities that its tokens have at temperature 1 where others aren't known.
   * @param {Path} path @param {Scorer} scorer @returns {{ path: Path, isScored: boolean }} */
  fill(path, scorer) {
    const probs = isMissing(path) ? this.#known.get(keyOf(path, scorer)) : null;
    if (!probs) return { path, isScored: false };
    const tokens = path.tokens.map((token, index) =>
      (index < path.typed || token.prob !== null ? token : { ...token, prob: probs[index - path.typed] }));
    return { path: { ...path, tokens }, isScored: true };
  }

  /** Request the score of the first text whose probabilities are missing, unless one is being asked for.
   * @param {Path[]} paths @param {Scorer} scorer */
  async request(paths, scorer) {
    const { session, step, newest } = scorer;
    if (!session || this.#hasFailed || this.#request.isPending) return;
    const path = paths.find((one) => isMissing(one) && isReadable(one, session) && !this.#known.has(keyOf(one, scorer)));
    if (!path) return;
    const key = keyOf(path, scorer);
    const from = Math.max(0, path.tokens.length - config.score.text_max);
    try {
      const body = scoreBody({ session, step: newest ? null : step }, traceOf(path, NO_BRANCHES), from);
      const response = await this.#request.send((signal) => this.#score(body, { signal }));
      if (!response) return;
      this.#known.set(key, probsOf(path, response));
    } catch (error) {
      this.#hasFailed = true;
      this.#onError(error);
    }
    this.#onKnown();
  }
}

/** @param {Path} path */
const isMissing = ({ tokens, typed }) => tokens.slice(typed).some(({ prob }) => prob === null);

/** Whether a text can be scored: of tokens as a whole, of characters its end.
 * @param {Path} path @param {NonNullable<Scorer["session"]>} session */
function isReadable({ tokens }, { tokenizer, vocabulary, known }) {
  const text = textOf(tokens);
  if (tokenizer === "tokens") return characters(text).length <= config.score.text_max;
  return !vocabulary.length || unknownCharacters(text, known).length === 0;
}

/** @param {Path} path @param {Scorer} scorer */
const keyOf = (path, { session, step, newest }) => JSON.stringify([session?.session_id, newest ? null : step, path.typed, textOf(path.tokens)]);

/** The probabilities of a text's written tokens; null where the score is of other tokens.
 * @param {Path} path @param {ScoreResponse} response */
function probsOf({ tokens, typed }, response) {
  const written = tokens.slice(typed);
  const scored = response.tokens.slice(-written.length);
  if (written.some(({ text }, index) => scored[index]?.token !== text)) return null;
  return scored.map(({ logprob }) => (logprob === null ? null : Math.exp(logprob)));
}
