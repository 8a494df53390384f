// The drawer beside the page (from 1024 px up) or over it: opening, closing, focus, backdrop.

import { say } from "../shared/messages.js";

const WIDE = matchMedia("(min-width: 1024px)");
const MEMORY = "token-playground.drawer";

export class Drawer {
  #element;
  #toggles;
  #backdrop = document.createElement("div");
  #opener = null;
  #shut_away = []; // what a modal drawer made inert
  #shared = false;

  constructor(element, toggle) {
    this.#element = element;
    this.#toggles = toggle;
    this.#backdrop.className = "backdrop";
    this.#backdrop.addEventListener("click", () => this.close());
    document.body.append(this.#backdrop);
    element.tabIndex = -1;
    element.ariaLabel = say("drawer.name");
    element.addEventListener("keydown", (event) => this.#keep_focus(event));
    WIDE.addEventListener("change", () => this.#arrange());
    document.documentElement.classList.add("arriving");
    this.#show(remembered() !== "closed");
    setTimeout(() => document.documentElement.classList.remove("arriving"), 100);
  }

  get isOpen() {
    return this.#element.dataset.open === "true";
  }

  toggle(opener) {
    if (this.isOpen) this.close();
    else this.open(opener);
  }

  /** Whether it lies over the page, which is out of use meanwhile. */
  get isModal() {
    return this.isOpen && !WIDE.matches;
  }

  /** Whether the tutorial stays in use beside it, even while it lies over the page. */
  share(shared) {
    this.#shared = shared;
    this.#arrange();
  }

  /** As a link has it: without a focus, and not to be remembered. */
  set(open) {
    this.#show(open);
  }

  /** opener: what gets the focus back when the drawer closes. */
  open(opener) {
    this.#opener = opener;
    this.#show(true);
    remember("open");
    this.#element.focus({ preventScroll: true });
  }

  /** Whether there was something to close. */
  close() {
    if (!this.isOpen) return false;
    this.#show(false);
    remember("closed");
    const opener = this.#opener?.isConnected && this.#opener.checkVisibility() ? this.#opener : this.#toggles;
    opener.focus({ preventScroll: true });
    return true;
  }

  /** Leave a field without leaving the drawer. */
  focus() {
    this.#element.focus({ preventScroll: true });
  }

  #show(open) {
    this.#element.dataset.open = open;
    this.#element.inert = !open;
    document.documentElement.classList.toggle("drawer-closed", !open);
    this.#toggles.ariaExpanded = String(open);
    this.#arrange();
  }

  #arrange() {
    const modal = this.isModal;
    this.#element.role = modal ? "dialog" : "complementary";
    this.#element.ariaModal = modal && !this.#shared ? "true" : null;
    document.documentElement.classList.toggle("drawer-modal", modal);
    for (const element of this.#shut_away) element.inert = false;
    this.#shut_away = modal ? surroundings(this.#element).filter((element) => !element.inert) : [];
    for (const element of this.#shut_away) element.inert = true;
  }

  #keep_focus(event) {
    if (event.key !== "Tab" || this.#element.ariaModal !== "true") return;
    const stops = [...this.#element.querySelectorAll("button, textarea, input, [tabindex='0']")].filter(
      (stop) => !stop.disabled && stop.checkVisibility({ visibilityProperty: true }));
    const [first, last] = [stops[0], stops.at(-1)];
    const at = document.activeElement;
    if (event.shiftKey ? at === first || at === this.#element : at === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }
}

/** Everything beside an element, on every level up to the body; toasts, backdrop, tutorial and the
 * dialogs that are opened from it stay usable. */
function surroundings(element) {
  const found = [];
  for (let at = element; at !== document.body; at = at.parentElement) {
    found.push(...[...at.parentElement.children].filter((child) => child !== at));
  }
  return found.filter((child) => !child.matches("#guide, .backdrop, .toasts, :has(dialog), script, style, link"));
}

// A frame of another site may be denied a storage: then every visit is a first one.
function remembered() {
  try {
    return localStorage.getItem(MEMORY);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    localStorage.setItem(MEMORY, value);
  } catch {
    // As above.
  }
}
