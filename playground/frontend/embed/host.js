// The document that the playground stands in: its own, a frame (`?view=embed`, which early.js marks
// before the first paint), or another site's as `<gradio-app src="…">`.

/** @import { PlaygroundEvent } from "../types.js" */

import { repairQuery } from "../sharing/repair.js";

const NAME = "token-playground";
const EVENT_VERSION = 1;
const HOME = new URL("../../", import.meta.url).href;

/** @typedef {object} Host
 * @property {HTMLElement | null} component the `<gradio-app>` in another site's document, or null
 * @property {boolean} embedded whether the drawer is all there is
 * @property {HTMLElement} root holds all of the playground, and the marks that its styles look for
 * @property {Document | HTMLElement} scope receives its keys and clicks
 * @property {HTMLElement} body contains its toasts
 * @property {string} address of the page itself, without parameters
 * @property {string} search its parameters, repaired; those of `src` in another site's document */

/** Empty until `detectHost` was called.
 * @type {Host} */
export const host = /** @type {any} */ ({});

/** Find out where the playground stands; in another site's document, load its styles. */
export function detectHost() {
  const apps = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("gradio-app[src]"));
  const component = [...apps].find(isOurs) ?? null;
  const { search, hash } = component ? sourceOf(component) : location;
  Object.assign(host, {
    component,
    embedded: component !== null || document.documentElement.classList.contains("embedded"),
    root: component ?? document.documentElement,
    scope: component ?? document,
    body: component ?? document.body,
    address: component ? HOME : location.origin + location.pathname,
    search: repairQuery(search + hash),
  });
  if (component) loadStyles(component);
}

/** Send an event to the embedding page: by message out of a frame, as a DOM event out of
 * `<gradio-app>`.
 * @param {PlaygroundEvent} event */
export function emit(event) {
  const detail = { source: NAME, version: EVENT_VERSION, ...event };
  if (host.component) host.component.dispatchEvent(new CustomEvent(NAME, { bubbles: true, detail }));
  else if (parent !== window) parent.postMessage(detail, "*"); // nothing in it is private
}

/** @param {Element} app */
function sourceOf(app) {
  return new URL(app.getAttribute("src") ?? "", document.baseURI);
}

/** @param {Element} app */
function isOurs(app) {
  const { origin, pathname } = sourceOf(app);
  return HOME === origin + pathname.replace(/\/?$/, "/");
}

/** Add the style sheet that is scoped to the element.
 * @param {HTMLElement} component */
function loadStyles(component) {
  component.classList.add("embedded");
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("page/component.css", HOME).href;
  document.head.append(link);
}
