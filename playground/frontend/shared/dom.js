// Creating, finding and updating elements.

const SVG = "http://www.w3.org/2000/svg";

/** @template {keyof HTMLElementTagNameMap} K
 * @param {K} name @param {string} [className] @param {string} [text] */
export function createElement(name, className = "", text = "") {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

/** An SVG element.
 * @param {string} name @param {Record<string, string | number>} attributes */
export function createShape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** The first descendant that matches a selector; throws TypeError where there is none of that type.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root @param {string} selector @param {new () => T} [type]
 * @returns {T} */
export function find(root, selector, type) {
  const element = root.querySelector(selector);
  if (!(element instanceof (type ?? HTMLElement))) throw new TypeError(`no element matches ${selector}`);
  return /** @type {T} */ (element);
}

/** Whether an element is rendered and not hidden: `checkVisibility`, which Safari 16.4 lacks.
 * @param {Element} element */
export const isVisible = (element) =>
  element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";

/** Whether the visitor asked for less motion. */
export const prefersStillness = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Set the text of an element, only where it differs: screen readers repeat a live region otherwise.
 * @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set an attribute where it differs; null removes it.
 * @param {Element} element @param {string} name @param {string | null} value */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Fill the track of a slider up to its value, as Gradio's sliders are.
 * @param {HTMLInputElement} slider */
export function drawSliderTrack(slider) {
  const [value, low, high] = [slider.value, slider.min, slider.max].map(Number);
  slider.style.setProperty("--range_progress", `${high > low ? (100 * (value - low)) / (high - low) : 0}%`);
}

/** The element that an event's target lies in, by selector.
 * @param {Event} event @param {string} selector @returns {HTMLElement | null} */
export function closestTarget(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}
