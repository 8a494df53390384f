// The drawer: beside the page from 1024 px up, else a modal dialog over it.

import { isVisible, setAttribute } from "../shared/dom.js";
import { translate } from "../shared/messages.js";
import { readStorage, writeStorage } from "../shared/storage.js";

const WIDE = "(min-width: 1024px)"; // as in drawer.css
const STORAGE_KEY = "token-playground.drawer";
const WITHOUT_TRANSITION_MS = 100;

export class Drawer {
  #element;
  #toggleButton;
  #backdrop = document.createElement("div");
  #wide = matchMedia(WIDE);
  /** Gets the focus back when the drawer closes.
   * @type {HTMLElement | null} */
  #opener = null;
  /** What a modal drawer made inert.
   * @type {HTMLElement[]} */
  #inert = [];
  #isShared = false;
  /** Tells of Android's Back while it is modal, in browsers that have such.
   * @type {CloseWatcher | null} */
  #closeWatcher = null;

  /** @param {HTMLElement} element @param {HTMLElement} toggleButton */
  constructor(element, toggleButton) {
    this.#element = element;
    this.#toggleButton = toggleButton;
    this.#backdrop.className = "backdrop";
    this.#backdrop.addEventListener("click", () => this.close());
    document.body.append(this.#backdrop);
    element.tabIndex = -1;
    element.setAttribute("aria-label", translate("drawer.name"));
    element.addEventListener("keydown", (event) => this.#trapFocus(event));
    this.#wide.addEventListener("change", () => this.#arrange());
    document.documentElement.classList.add("arriving");
    this.setOpen(readStorage(STORAGE_KEY) !== "closed");
    setTimeout(() => document.documentElement.classList.remove("arriving"), WITHOUT_TRANSITION_MS);
  }

  get isOpen() {
    return this.#element.dataset.open === "true";
  }

  /** Whether it lies over the page, which is inert meanwhile. */
  get isModal() {
    return this.isOpen && !this.#wide.matches;
  }

  /** @param {HTMLElement} [opener] */
  toggle(opener) {
    if (this.isOpen) this.close();
    else this.open(opener);
  }

  /** Keep the tutorial usable beside it, even while it is modal.
   * @param {boolean} isShared */
  setShared(isShared) {
    this.#isShared = isShared;
    this.#arrange();
  }

  /** @param {HTMLElement} [opener] gets the focus back when the drawer closes */
  open(opener) {
    this.#opener = opener ?? null;
    this.setOpen(true);
    writeStorage(STORAGE_KEY, "open");
    this.focus();
  }

  /** Returns whether it was open. */
  close() {
    if (!this.isOpen) return false;
    this.setOpen(false);
    writeStorage(STORAGE_KEY, "closed");
    const opener = this.#opener?.isConnected && isVisible(this.#opener) ? this.#opener : this.#toggleButton;
    opener.focus({ preventScroll: true });
    return true;
  }

  /** Focus the drawer itself, to leave a field without leaving the drawer. */
  focus() {
    this.#element.focus({ preventScroll: true });
  }

  /** Open or close it without moving the focus or storing the state.
   * @param {boolean} isOpen */
  setOpen(isOpen) {
    this.#element.dataset.open = String(isOpen);
    this.#element.inert = !isOpen;
    document.documentElement.classList.toggle("drawer-closed", !isOpen);
    this.#toggleButton.setAttribute("aria-expanded", String(isOpen));
    this.#arrange();
  }

  #arrange() {
    const { isModal } = this;
    this.#element.setAttribute("role", isModal ? "dialog" : "complementary");
    setAttribute(this.#element, "aria-modal", isModal && !this.#isShared ? "true" : null);
    document.documentElement.classList.toggle("drawer-modal", isModal);
    for (const element of this.#inert) element.inert = false;
    this.#inert = isModal ? surroundings(this.#element).filter((element) => !element.inert) : [];
    for (const element of this.#inert) element.inert = true;
    this.#watchForBack(isModal);
  }

  /** @param {boolean} isModal */
  #watchForBack(isModal) {
    if (!isModal) this.#closeWatcher?.destroy();
    this.#closeWatcher = isModal ? (this.#closeWatcher ?? createCloseWatcher()) : null;
    if (!this.#closeWatcher) return;
    this.#closeWatcher.onclose = () => {
      this.#closeWatcher = null; // it has served
      this.close();
    };
  }

  /** @param {KeyboardEvent} event */
  #trapFocus(event) {
    if (event.key !== "Tab" || this.#element.getAttribute("aria-modal") !== "true") return;
    /** @type {NodeListOf<HTMLButtonElement>} */
    const candidates = this.#element.querySelectorAll("button, textarea, input, [tabindex='0']");
    const stops = [...candidates].filter((stop) => !stop.disabled && isVisible(stop));
    const first = stops[0], last = stops.at(-1);
    const focused = document.activeElement;
    if (event.shiftKey ? focused === first || focused === this.#element : focused === last) {
      event.preventDefault();
      (event.shiftKey ? last : first)?.focus();
    }
  }
}

function createCloseWatcher() {
  return "CloseWatcher" in globalThis ? new CloseWatcher() : null; // Chrome from 126 on
}

/** The siblings of an element and of its ancestors; without toasts, backdrop, tutorial and dialogs
 * opened from it, which stay usable.
 * @param {HTMLElement} element @returns {HTMLElement[]} */
function surroundings(element) {
  /** @type {any[]} */
  const found = [];
  for (let current = element; current !== document.body && current.parentElement; current = current.parentElement) {
    const inner = current;
    found.push(...[...current.parentElement.children].filter((child) => child !== inner));
  }
  return found.filter((child) => !child.matches("#guide, .backdrop, .toasts, script, style, link") && !child.querySelector("dialog"));
}
