// Where the playground stands: on a page of its own, alone in a frame (`?view=embed`, which
// early.js marks before anything is seen), or in another's page as `<gradio-app src="…">`.

import { say } from "../shared/messages.js";

const NAME = "token-playground";
const VERSION = 1; // of the events, see events.js
const HOME = new URL("../../", import.meta.url).href;

/** The element that holds it in another's page; null in a document of its own. */
export const component = [...document.querySelectorAll("gradio-app[src]")].find(is_ours) ?? null;
export const embedded = component !== null || document.documentElement.classList.contains("embedded");

/** What holds all of it, and the marks that its styles look for. */
export const top = component ?? document.documentElement;
/** What hears its keys and clicks: in another's page only those that are meant for it. */
export const scope = component ?? document;
/** Where its toasts go. */
export const body = component ?? document.body;
/** Its parameters. In another's page the address is that page's: they stand in `src`. */
export const search = component ? address(component).search : location.search;

if (component) dress();

/** Tell the page around: by message out of a frame, as a DOM event out of `<gradio-app>`. */
export function announce(event) {
  const detail = { source: NAME, version: VERSION, ...event };
  if (component) component.dispatchEvent(new CustomEvent(NAME, { bubbles: true, detail }));
  else if (parent !== window) parent.postMessage(detail, "*"); // nothing in it is private
}

/** The drawer where it is all that there is: it has nothing to slide over, and nowhere to go. */
export class Alone {
  isOpen = true;
  isModal = false;
  #element;

  constructor(element) {
    this.#element = element;
    element.tabIndex = -1;
    element.role = "region";
    element.ariaLabel = say("drawer.name");
    element.dataset.open = "true";
    if (component) return;
    // Its headings are those of the whole document then.
    for (const heading of element.querySelectorAll("h2, h3")) heading.ariaLevel = String(heading.localName.at(1) - 1);
  }

  toggle() {}

  open() {}

  set() {}

  share() {}

  close() {
    return false;
  }

  focus() {
    this.#element.focus({ preventScroll: true });
  }
}

function address(app) {
  return new URL(app.getAttribute("src"), document.baseURI);
}

function is_ours(app) {
  const { origin, pathname } = address(app);
  return HOME === origin + pathname.replace(/\/?$/, "/");
}

/** The page around has none of our styles, and is to get none but in here. */
function dress() {
  component.classList.add("embedded");
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("page/component.css", HOME);
  document.head.append(link);
}
