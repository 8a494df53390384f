// The panel of Explore in which a text is kept: in the browser, as a file, as code that asks the API
// for it; and in which a file is opened again.

/** @import { ExploreContext, ExplorePanel } from "../../types.js" */
/** @import { Player } from "../../playback/player.js" */

import { API } from "../../shared/client.js";
import { find } from "../../shared/dom.js";
import { CodeSample } from "./codeSample.js";
import { FileOpener } from "./fileOpener.js";
import { FileSaver } from "./fileSaver.js";
import { KeptList } from "./keptList.js";

const SCHEMA = new URL("../page/text.schema.json", API);

/** @implements {ExplorePanel} */
export class Keep {
  #player;
  #parts;

  /** @param {HTMLElement} element @param {ExploreContext} context */
  constructor(element, context) {
    this.#player = context.player;
    find(element, ".keep__schema", HTMLAnchorElement).href = SCHEMA.href;
    const saver = new FileSaver(element, context.player, SCHEMA.href);
    this.#parts = [new KeptList(element, context), saver, new CodeSample(element, context.player)];
    new FileOpener(element, context);
  }

  open() {
    this.draw(this.#player);
  }

  /** @param {Player} player */
  draw(player) {
    for (const part of this.#parts) part.draw(player);
  }
}
