// A panel that a button opens and closes: the Popover API, which Safari 16.4 lacks. A click elsewhere
// and Esc close it.

import { find } from "./dom.js";

class Popover {
  #button;
  #panel;
  #onOpen;

  /** @param {HTMLElement} button @param {HTMLElement} panel
   * @param {() => void} onOpen called once the panel is shown */
  constructor(button, panel, onOpen) {
    this.#button = button;
    this.#panel = panel;
    this.#onOpen = onOpen;
    panel.classList.add("popover");
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    document.addEventListener("pointerdown", (event) => {
      const target = /** @type {Node} */ (event.target);
      if (this.isOpen && !panel.contains(target) && !button.contains(target)) this.close();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.isOpen) return;
      event.preventDefault(); // or it would close what lies below as well
      event.stopPropagation();
      this.close();
      button.focus({ preventScroll: true });
    }, { capture: true });
    this.#show(false);
  }

  get isOpen() {
    return !this.#panel.hidden;
  }

  open() {
    this.#show(true);
    this.#onOpen();
  }

  close() {
    this.#show(false);
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    this.#panel.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
  }
}

/** Whether any popover is open within an element.
 * @param {ParentNode} root */
export const hasOpenPopover = (root) => root.querySelector(".popover:not([hidden])") !== null;

/** The popover of a button that names it with aria-controls, within an element.
 * @param {HTMLElement} root @param {string} selector of the button @param {() => void} [onOpen] */
export function createPopover(root, selector, onOpen = () => {}) {
  const button = find(root, selector);
  return new Popover(button, find(root, `#${button.getAttribute("aria-controls")}`), onOpen);
}
