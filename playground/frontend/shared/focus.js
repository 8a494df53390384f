// Focus recovery: where the focused control is removed or disabled, the focus moves to one nearby.
// Code that knows a better target has moved it before.

import { isVisible } from "./dom.js";

const FOCUSABLE = "button, a[href], summary, input, select, textarea, [tabindex='0']";

/** Keep the focus from being lost within an element.
 * @param {HTMLElement} root */
export function keepFocus(root) {
  /** @type {Element[]} */
  let path = []; // the focused control and its ancestors
  let isScheduled = false;
  const recover = () => {
    isScheduled = false;
    const [control, ...ancestors] = path;
    if (!control || isUsable(control) || ![control, document.body, null].includes(document.activeElement)) return;
    findNearby(control, ancestors)?.focus({ preventScroll: true });
  };
  // In the next frame: some controls are disabled for less than that.
  const schedule = () => {
    if (!isScheduled) requestAnimationFrame(recover);
    isScheduled = true;
  };
  root.addEventListener("focusin", (event) => {
    path = event.composedPath().filter((target) => target instanceof Element).filter((target) => root.contains(target));
  });
  // A visitor who moves the focus out, into the embedding page perhaps, is not to be pulled back.
  root.addEventListener("focusout", () => {
    if (path.length && isUsable(path[0])) path = [];
  });
  new MutationObserver(schedule).observe(root, { attributes: true, childList: true, subtree: true });
}

/** In the closest ancestor that is left: the next focusable control, or else the one before, or the
 * ancestor itself where it is focusable.
 * @param {Element} control @param {Element[]} ancestors @returns {HTMLElement | undefined} */
function findNearby(control, ancestors) {
  for (const part of ancestors.filter((one) => one.isConnected)) {
    const stops = /** @type {HTMLElement[]} */ ([...part.querySelectorAll(FOCUSABLE)].filter(isUsable));
    const isAfter = (/** @type {Element} */ stop) =>
      control.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (stops.length) return stops.find(isAfter) ?? stops.at(-1);
    if (part.matches("[tabindex]")) return /** @type {HTMLElement} */ (part);
  }
  return undefined;
}

/** @param {Element} stop */
function isUsable(stop) {
  return stop.isConnected && !stop.matches(":disabled, [inert] *") && isVisible(stop);
}
