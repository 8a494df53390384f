// The QR code of an address, in a section that is closed at first: no code is asked for until then.

import { API } from "../shared/client.js";
import { config } from "../shared/config.js";
import { find } from "../shared/dom.js";

export class QrCode {
  #details;
  #address = "";

  /** @param {HTMLDetailsElement} details */
  constructor(details) {
    this.#details = details;
    details.addEventListener("toggle", () => this.#draw());
  }

  /** @param {string | null} address null: there is none to show */
  show(address) {
    this.#details.hidden = address === null;
    this.#address = address ?? "";
    this.#draw();
  }

  #draw() {
    if (!this.#details.open || !this.#address) return;
    const fits = this.#address.length <= config.qr_bytes_max;
    const image = find(this.#details, ".share__qr", HTMLImageElement);
    const { href } = new URL(`qr?text=${encodeURIComponent(this.#address)}`, API);
    image.hidden = !fits;
    find(this.#details, ".share__qr-too-long").hidden = fits;
    if (fits && image.src !== href) image.src = href;
  }
}
