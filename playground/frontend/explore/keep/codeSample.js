// The state on screen as code that requests it from the API: the next token's probabilities, or the text.

/** @import { Player } from "../../playback/player.js" */

import { stepBody } from "../../playback/stepRequest.js";
import { API } from "../../shared/client.js";
import { copyField } from "../../shared/clipboard.js";
import { find } from "../../shared/dom.js";
import { LatestRequest } from "../../shared/latestRequest.js";
import { translate } from "../../shared/messages.js";
import { curlCommand, curlText, partsOf, pythonNext, pythonText } from "./codeSamples.js";
import { reproduce } from "./reproduce.js";
import { StatusLine } from "./statusLine.js";
import { api, writerOf } from "./writtenText.js";

const NEXT = new URL("generate-next-token", API);
const TEXT = new URL("generate", API);

export class CodeSample {
  #panel;
  #player;
  #statusLine;
  #parts;
  /** What the code that is shown, or asked for, depends on. */
  #shown = "";
  #request = new LatestRequest();

  /** @param {HTMLElement} panel @param {Player} player */
  constructor(panel, player) {
    this.#panel = panel;
    this.#player = player;
    this.#statusLine = new StatusLine(panel, "code");
    this.#parts = {
      code: find(panel, ".keep__code", HTMLTextAreaElement),
      copy: find(panel, "[data-keep=copy]", HTMLButtonElement),
    };
    for (const radio of panel.querySelectorAll("input[type=radio]")) radio.addEventListener("change", () => this.draw(player));
    this.#parts.copy.addEventListener("click", () => this.#copy());
  }

  /** @param {Player} player */
  draw(player) {
    const now = writerOf(player);
    const of = this.#choice("of"), as = this.#choice("as");
    const { trace, caret, isFirst } = player;
    const written = trace.steps.map(({ id, text, by }) => [id, text, by]);
    const key = JSON.stringify([of, as, trace.text, written, of === "next" && caret, now?.author, now?.session.session_id]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#request.cancel();
    this.#parts.copy.textContent = translate(as === "curl" ? "keep.copy_curl" : "keep.copy_python");
    if (!now || (of === "next" && isFirst)) this.#show("", translate("keep.code_none"));
    else if (of === "next") this.#showNext(now, as);
    else if (trace.steps.length === 0) this.#show("", translate("keep.code_unwritten"));
    else this.#showText(now, as);
  }

  /** @param {import("./fileSaver.js").Now} now @param {string} as */
  #showNext({ session, author: { step, params } }, as) {
    const { trace, caret, length } = this.#player;
    const body = { ...stepBody({ session, step, newest: false, params, trace, end: caret ?? length, n: 1 }), n: undefined };
    this.#show(as === "curl" ? curlCommand(NEXT, body) : pythonNext(NEXT, body));
  }

  /** @param {import("./fileSaver.js").Now} now @param {string} as */
  async #showText(now, as) {
    const { trace } = this.#player;
    this.#show("", translate("keep.saving"));
    try {
      const tokens = await this.#request.send((signal) => reproduce(api, trace, now, signal));
      if (!tokens) return;
      const parts = partsOf(trace, tokens);
      const curl = curlText(TEXT, parts);
      if (as === "python") this.#show(pythonText(TEXT, trace.text, parts));
      else this.#show(curl, curl ? "" : translate("keep.code_chosen"));
    } catch (error) {
      this.#shown = ""; // asked again at the next change
      this.#show("");
      this.#statusLine.fail(error);
    }
  }

  /** @param {string} code @param {string} [said] */
  #show(code, said = "") {
    this.#parts.code.value = code;
    this.#parts.copy.disabled = !code;
    this.#statusLine.show(said);
  }

  async #copy() {
    const hasCopied = await copyField(this.#parts.code);
    this.#statusLine.show(translate(hasCopied ? "share.copied" : "share.copy_yourself"));
  }

  /** @param {"of" | "as"} name */
  #choice(name) {
    return find(this.#panel, `input[name=keep-${name}]:checked`, HTMLInputElement).value;
  }
}
