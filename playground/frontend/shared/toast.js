// Error messages that stay for a while at the bottom of the page. The while begins when the message is
// in sight: a frame may be further down the page around, and a tab behind another.

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
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    setTimeout(() => element.remove(), SHOWN_MS);
  });
  observer.observe(element);
}

function createStack() {
  const stack = createElement("div", "toasts");
  stack.setAttribute("role", "alert");
  host.body.append(stack);
  return stack;
}
