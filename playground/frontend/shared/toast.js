// Error messages that stay for a while at the bottom of the page.

import { host } from "../embed/host.js";
import { createElement } from "./dom.js";

const SHOWN_MS = 7000;

/** Show a message, unless it is shown already.
 * @param {string} text */
export function toast(text) {
  const stack = host.body.querySelector(":scope > .toasts") ?? createStack();
  if ([...stack.children].some((shown) => shown.textContent === text)) return;
  const element = createElement("p", "toast", text);
  stack.append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}

function createStack() {
  const stack = createElement("div", "toasts");
  stack.setAttribute("role", "alert");
  host.body.append(stack);
  return stack;
}
