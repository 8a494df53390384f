// What a token is: a text as the tokens of several models, side by side, and what words cost in each.
//
// State: the text as base64url of its UTF-8.

/** @import { ExploreContext, ExplorePanel, SessionDetails } from "../types.js" */
/** @import { Player } from "../playback/player.js" */
/** @import { ShownToken, Tokenizer } from "./tokenizers.js" */

import { getSession } from "../shared/client.js";
import { config } from "../shared/config.js";
import { closestTarget, createElement, find, setAttribute, setText } from "../shared/dom.js";
import { LatestRequest } from "../shared/latestRequest.js";
import { formatNumber, translate } from "../shared/messages.js";
import { apiMessage, asRequestError } from "../shared/requestError.js";
import { SPACE, tokenLabel, visibleText } from "../shared/text.js";
import { decodeBase64Url, encodeBase64Url } from "../shared/base64url.js";
import { charactersOf, TokenizedTexts, tokenizersOf } from "./tokenizers.js";

const SETTLE_MS = 150; // while one types
const START = "How many r's are in strawberry?";
// Words whose tokens are counted, by the keys of what they show.
const EXAMPLES = {
  word: "strawberry", space: " strawberry", capital: "Strawberry", capitals: "STRAWBERRY",
  number: "1,234,567", german: "Erdbeerkuchen", hindi: "स्ट्रॉबेरी", emoji: "👩‍🚀",
};

/** @implements {ExplorePanel} */
export class TokensPanel {
  #context;
  #parts;
  #tokenized = new TokenizedTexts();
  #request = new LatestRequest();
  #text = START;
  /** @type {Tokenizer[]} */
  #tokenizers = [];
  /** Sessions with their vocabularies, which the list lacks.
   * @type {Map<string, SessionDetails>} */
  #whole = new Map();
  /** What is drawn. */
  #drawn = "";

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#context = context;
    this.#parts = {
      field: find(element, ".cuts__field", HTMLTextAreaElement),
      problem: find(element, ".cuts__problem"),
      retry: find(element, "[data-cuts=retry]", HTMLButtonElement),
      cuts: find(element, ".cuts"),
      reading: find(element, ".cuts__reading"),
      head: find(element, ".cuts__table thead"),
      body: find(element, ".cuts__table tbody"),
    };
    this.#parts.field.maxLength = config.tokenizers.text_max;
    this.#parts.field.value = START;
    this.#listen(element);
  }

  get state() {
    const state = this.#text === START ? "" : encodeBase64Url(this.#text);
    return state.length > config.explore.state_max ? "" : state;
  }

  get moment() {
    return encodeBase64Url(this.#text);
  }

  /** @param {string} state */
  open(state) {
    if (state) this.#set(decodeBase64Url(state) ?? START);
    this.#drawn = "";
  }

  close() {
    this.#request.cancel();
  }

  focus() {
    this.#parts.field.focus();
  }

  /** @param {Player} player */
  draw({ session }) {
    const sessions = this.#context.getSessions();
    this.#tokenizers = tokenizersOf(session ?? null, sessions, this.#whole);
    const drawn = JSON.stringify([this.#text, this.#tokenizers.map(({ id }) => id)]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#showText();
    this.#showTable();
    this.#fetch();
  }

  /** The text first, then what the table lacks. */
  async #fetch() {
    this.#fail("");
    const texts = [...new Set([this.#text, ...Object.values(EXAMPLES)])];
    try {
      if (await this.#fetchCharacters()) return;
      const isKnown = (/** @type {string} */ text) => this.#tokenizers.every((one) => this.#tokenized.get(one, text));
      const wanted = texts.filter((text) => !isKnown(text));
      if (wanted.length === 0) return;
      await this.#request.send(async (signal) => {
        for (const text of wanted) {
          await this.#tokenized.fetch(this.#tokenizers, [text], signal);
          if (text === this.#text) this.#showText();
          this.#showCosts();
        }
        return true;
      }, wanted.includes(this.#text) ? SETTLE_MS : 0);
    } catch (error) {
      this.#fail(apiMessage(asRequestError(error)));
      this.#context.onError(error);
    }
  }

  /** Ask for the characters that are compared, where they aren't known; returns whether they weren't. */
  async #fetchCharacters() {
    const { player, getSessions } = this.#context;
    const session = charactersOf(player.session ?? null, getSessions());
    if (!session || session.vocabulary || this.#whole.has(session.session_id)) return false;
    this.#whole.set(session.session_id, await getSession(session.session_id));
    this.draw(player);
    return true;
  }

  /** @param {string} text */
  #set(text) {
    this.#text = text;
    if (this.#parts.field.value !== text) this.#parts.field.value = text;
  }

  /** @param {string} sentence */
  #fail(sentence) {
    setText(this.#parts.problem, sentence);
    this.#parts.retry.hidden = !sentence;
  }

  #showText() {
    setText(this.#parts.reading, "");
    this.#parts.cuts.replaceChildren(...this.#tokenizers.map((one) => this.#rowOf(one)));
  }

  /** The table of words, for the tokenizers of now. */
  #showTable() {
    const names = this.#tokenizers.map(({ name }) => columnHead(name));
    this.#parts.head.replaceChildren(tableRow([columnHead(translate("tokens.example")), ...names]));
    this.#parts.body.replaceChildren(...Object.entries(EXAMPLES).map(([key, text]) => this.#exampleRow(key, text)));
    this.#showCosts();
  }

  /** What the words cost, as far as it is known; their buttons stay, for one may have the focus. */
  #showCosts() {
    const rows = [...this.#parts.body.children];
    Object.values(EXAMPLES).forEach((text, index) => {
      const cells = rows[index].querySelectorAll("td");
      this.#tokenizers.forEach((one, at) => showCost(cells[at], this.#tokenized.get(one, text)));
    });
  }

  /** @param {Tokenizer} tokenizer */
  #rowOf(tokenizer) {
    const tokens = this.#tokenized.get(tokenizer, this.#text);
    const row = createElement("li", "cut");
    const head = createElement("p", "cut__head");
    const name = createElement("strong", "cut__name", tokenizer.name);
    name.setAttribute("translate", "no");
    head.append(name, ` ${translate(tokenizer.known ? "tokens.of_characters" : "tokens.of_pieces", { size: tokenizer.size })}`);
    const count = createElement("span", "cut__count", tokens ? countOf(tokens) : "…");
    const list = createElement("ol", "cut__tokens");
    list.dir = "auto";
    list.setAttribute("translate", "no");
    list.append(...(tokens ?? []).map((token, index) => chipOf(token, tokenizer, index === 0)));
    list.classList.toggle("panel--stale", !tokens);
    head.append(count);
    row.append(head, list);
    return row;
  }

  /** A row of the table: a word with what it shows, and a cell for each tokenizer.
   * @param {string} key @param {string} text */
  #exampleRow(key, text) {
    const word = createElement("th");
    word.scope = "row";
    const name = text.replace(/^ /, SPACE);
    const button = createElement("button", "button button--small cuts__example", name);
    button.type = "button";
    button.dataset.example = key;
    button.setAttribute("translate", "no");
    button.setAttribute("aria-label", `${name}, ${translate(`tokens.${key}`)}`);
    word.append(button, createElement("span", "cuts__kind", translate(`tokens.${key}`)));
    return tableRow([word, ...this.#tokenizers.map(() => createElement("td", "cuts__cell"))]);
  }

  /** @param {HTMLElement} element */
  #listen(element) {
    this.#parts.field.addEventListener("input", () => {
      this.#text = this.#parts.field.value;
      this.draw(this.#context.player);
    });
    element.addEventListener("click", (event) => {
      const { example, cuts } = closestTarget(event, "[data-example], [data-cuts]")?.dataset ?? {};
      if (cuts === "retry") this.#fetch();
      else if (example && example in EXAMPLES) {
        this.#set(EXAMPLES[/** @type {keyof typeof EXAMPLES} */ (example)]);
        this.draw(this.#context.player);
        this.focus();
      }
    });
    this.#parts.cuts.addEventListener("keydown", walk);
    for (const name of ["click", "focusin"]) {
      this.#parts.cuts.addEventListener(name, (event) => {
        const said = closestTarget(event, ".cut__token")?.dataset.said;
        if (said) setText(this.#parts.reading, said);
      });
    }
  }
}

/** Arrow keys, Home and End move between the tokens of a row.
 * @param {KeyboardEvent} event */
function walk(event) {
  const chips = Array.from(closestTarget(event, ".cut__tokens")?.querySelectorAll("button") ?? []);
  const index = chips.findIndex((chip) => chip === event.target);
  /** @type {Record<string, number>} */
  const targets = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: chips.length - 1 };
  if (!(event.key in targets)) return;
  event.preventDefault();
  chips[targets[event.key]]?.focus();
}

/** @param {ShownToken[]} tokens */
function countOf(tokens) {
  const unread = tokens.filter(({ id }) => id === null).length;
  const count = translate("tokens.count", { count: tokens.length });
  return unread ? `${count}, ${translate("tokens.not_known", { count: unread })}` : count;
}

/** A token as a chip that tells its number. Tab reaches the first one of a row, arrow keys the others.
 * @param {ShownToken} token @param {Tokenizer} tokenizer @param {boolean} isFirst */
function chipOf(token, { size }, isFirst) {
  const item = createElement("li");
  const chip = createElement("button", "cut__token", visibleText(token.text));
  chip.type = "button";
  chip.tabIndex = isFirst ? 0 : -1;
  chip.classList.toggle("cut__token--unread", token.id === null);
  const name = tokenLabel(token.text);
  chip.dataset.said = token.id === null
    ? translate("tokens.no_token", { token: name })
    : translate("tokens.reading", { token: name, id: token.id, size });
  chip.title = chip.dataset.said;
  item.append(chip);
  return item;
}

/** @param {HTMLElement} cell @param {ShownToken[] | undefined} tokens undefined: not known yet */
function showCost(cell, tokens) {
  const isUnread = tokens?.some(({ id }) => id === null);
  setText(cell, isUnread ? "–" : tokens ? formatNumber(tokens.length) : "…");
  setAttribute(cell, "title", isUnread ? translate("tokens.unread") : null);
}

/** @param {string} text */
function columnHead(text) {
  const head = createElement("th", "", text);
  head.scope = "col";
  return head;
}

/** @param {HTMLElement[]} cells */
function tableRow(cells) {
  const row = createElement("tr");
  row.append(...cells);
  return row;
}
