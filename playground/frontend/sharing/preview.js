// A course page as its readers will see it: a frame of its very address, in a section that is closed at
// first. Sandboxed, it keeps nothing: what is stored for this page stays as it is.

import { createElement } from "../shared/dom.js";
import { translate } from "../shared/messages.js";

const SETTLING_MS = 600; // after the last change
const SANDBOX = "allow-scripts allow-popups allow-popups-to-escape-sandbox";

export class Preview {
  #details;
  #address = "";
  #timer = 0;
  /** @type {HTMLIFrameElement | null} */
  #frame = null;

  /** @param {HTMLDetailsElement} details */
  constructor(details) {
    this.#details = details;
    details.addEventListener("toggle", () => this.#draw());
  }

  /** Show an address, at once the first time, then when it has ceased to change.
   * @param {string} address */
  show(address) {
    if (address === this.#address && this.#frame) return;
    this.#address = address;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), this.#frame ? SETTLING_MS : 0);
  }

  /** Unload the page that is shown. */
  clear() {
    clearTimeout(this.#timer);
    this.#frame?.remove();
    this.#frame = null;
  }

  #draw() {
    const isShown = this.#details.open && this.#address;
    if (isShown && this.#frame?.src === this.#address) return;
    this.clear();
    if (!isShown) return;
    // A new frame each time: another address of the same one would be another entry of the history.
    this.#frame = createElement("iframe", "course__frame");
    Object.assign(this.#frame, { title: translate("course.preview_title"), loading: "lazy", src: this.#address });
    this.#frame.setAttribute("sandbox", SANDBOX);
    this.#details.append(this.#frame);
  }
}
