// Sentences about what went wrong, for a while at the bottom of the page.

import { body } from "../embed/embed.js";

const SHOWN_MS = 7000;
const stack = document.createElement("div");
stack.className = "toasts";
stack.role = "alert";

export function toast(text) {
  if (!stack.isConnected) body.append(stack);
  if ([...stack.children].some((shown) => shown.textContent === text)) return;
  const element = document.createElement("p");
  element.className = "toast";
  element.textContent = text;
  stack.append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}
