// The dialog for sharing: a link to the page's state, as a text and as a QR code; and a course page
// made of the same link.

/** @import { Session, Snapshot } from "../types.js" */

import { copyField } from "../shared/clipboard.js";
import { makeClosable } from "../shared/dialog.js";
import { closestTarget, createElement, find } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { createAddress } from "./address.js";
import { CourseBuilder } from "./courseBuilder.js";
import { QrCode } from "./qrCode.js";

const COPIED_MS = 2000;

export class ShareDialog {
  #dialog;
  #capture;
  #code;
  #course;

  /** @param {HTMLDialogElement} dialog
   * @param {object} options
   * @param {() => { snapshot: Snapshot, lost: string[] }} options.capture
   * @param {() => Session[]} options.getSessions that a course page can be given */
  constructor(dialog, { capture, getSessions }) {
    this.#dialog = dialog;
    this.#capture = capture;
    this.#code = new QrCode(find(dialog, ".share__code", HTMLDetailsElement));
    this.#course = new CourseBuilder(find(dialog, ".course__form", HTMLFormElement), getSessions);
    makeClosable(dialog);
    dialog.addEventListener("close", () => this.#course.close());
    dialog.addEventListener("click", (event) => {
      const button = closestTarget(event, "[data-copy]");
      if (button) this.#copy(button, find(dialog, "#" + button.dataset.copy));
    });
  }

  /** @param {{ snapshot: Snapshot, lost: string[] }} [captured] by default the moment that the page is at */
  open({ snapshot, lost } = this.#capture()) {
    const link = find(this.#dialog, "#share-link", HTMLInputElement);
    find(this.#dialog, ".share__lost").replaceChildren(...lost.map((text) => createElement("li", "", text)));
    find(this.#dialog, ".share__said").textContent = "";
    link.value = createAddress(snapshot);
    this.#code.show(link.value);
    this.#course.open(snapshot);
    this.#dialog.showModal();
    link.select();
  }

  /** @param {HTMLElement} button @param {HTMLElement} source */
  async #copy(button, source) {
    const hasCopied = await copyField(/** @type {HTMLInputElement | HTMLTextAreaElement} */ (source));
    find(this.#dialog, ".share__said").textContent = translate(hasCopied ? "share.copied" : "share.copy_yourself");
    if (!hasCopied) return;
    button.textContent = translate("share.copied");
    setTimeout(() => (button.textContent = translate("share.copy")), COPIED_MS);
  }
}
