// Opening a JSON file with a text, or the same pasted.

/** @import { ExploreContext } from "../../types.js" */

import { config } from "../../shared/config.js";
import { find } from "../../shared/dom.js";
import { translate } from "../../shared/messages.js";
import { readTextFile, UnreadableText } from "./importText.js";
import { StatusLine } from "./statusLine.js";

const MEGABYTE = 1e6;

export class FileOpener {
  #context;
  #statusLine;

  /** @param {HTMLElement} panel @param {ExploreContext} context */
  constructor(panel, context) {
    this.#context = context;
    this.#statusLine = new StatusLine(panel, "open");
    const file = find(panel, ".keep__file input", HTMLInputElement);
    const pasted = find(panel, ".keep__pasted", HTMLTextAreaElement);
    file.addEventListener("change", async () => {
      const [chosen] = file.files ?? [];
      if (!chosen) return;
      if (chosen.size > config.text_file.bytes_max) this.#refuse(new UnreadableText("too_large"));
      else await this.#open(await readFile(chosen));
      file.value = "";
    });
    find(panel, "[data-keep=open]").addEventListener("click", async () => {
      if (await this.#open(pasted.value)) pasted.value = "";
    });
  }

  /** Returns whether it is a text.
   * @param {string} json */
  async #open(json) {
    let text;
    try {
      text = readTextFile(json);
    } catch (error) {
      if (!(error instanceof UnreadableText)) throw error;
      this.#refuse(error);
      return false;
    }
    this.#statusLine.show("");
    this.#context.close();
    try {
      await this.#context.openText(text);
    } catch (error) {
      this.#context.onError(error);
    }
    return true;
  }

  /** @param {UnreadableText} error */
  #refuse({ reason }) {
    const megabytes = config.text_file.bytes_max / MEGABYTE;
    this.#statusLine.warn(translate(`keep.unreadable_${reason}`, { megabytes }));
  }
}

/** The text of a file; "" for one that is gone or can't be read.
 * @param {File} file */
async function readFile(file) {
  try {
    return await file.text();
  } catch {
    return "";
  }
}
