// The drawer of an embedded page: always open, as there is nothing beside it.

import { translate } from "../shared/messages.js";
import { host } from "./host.js";

/** Same interface as Drawer. */
export class EmbeddedDrawer {
  isOpen = true;
  isModal = false;
  #element;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    element.tabIndex = -1;
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", translate("drawer.name"));
    element.dataset.open = "true";
    if (host.component) return;
    // In a document of its own, its headings are the document's topmost.
    for (const heading of element.querySelectorAll("h2, h3")) {
      heading.setAttribute("aria-level", String(Number(heading.localName[1]) - 1));
    }
  }

  toggle() {}

  open() {}

  setOpen() {}

  setShared() {}

  close() {
    return false;
  }

  focus() {
    this.#element.focus({ preventScroll: true });
  }
}
