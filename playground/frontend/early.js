// Runs before Gradio's scripts and before the first paint, which no import does: page/head.py inlines it
// into the document's head, with the module that it imports, as one classic script. Written so that a
// browser parses it which can't run the page.

import { repairQuery } from "./sharing/repair.js";

const parameters = new URLSearchParams(repairAddress());
preferLanguage(parameters.get("lang"));
hideOutsideEmbed(parameters.get("view"));
if (!isSupported()) document.addEventListener("DOMContentLoaded", showUnsupported);

/** Have the address be the link as it was meant, before Gradio reads its theme there; its query. */
function repairAddress() {
  const given = location.search.slice(1);
  const query = repairQuery(given + location.hash);
  if (query === given) return query;
  try {
    history.replaceState(history.state, "", location.pathname + (query && "?" + query));
  } catch (error) {
    if (!error) return given; // denied in a sandboxed frame: host.js repairs what the page reads
  }
  return query;
}

/** Have a language come before the browser's own, for Gradio's texts too.
 * @param {string | null} given a BCP 47 tag, or with an underscore, as a locale's name has it */
function preferLanguage(given) {
  const language = given === null ? "" : given.replace(/_/g, "-");
  if (!/^[a-z]{2,3}(-\w{2,8})*$/i.test(language)) return;
  const languages = [language, ...navigator.languages];
  Object.defineProperty(navigator, "language", { get: () => language });
  Object.defineProperty(navigator, "languages", { get: () => languages });
}

/** Mark an embedded document before its first paint: the styles hide all but the drawer.
 * @param {string | null} view */
function hideOutsideEmbed(view) {
  if (view === "embed") document.documentElement.classList.add("embedded");
}

/** Whether the browser has what Gradio's scripts and the page's need: Safari 16.4, Chrome 111,
 * Firefox 115. Look-behind assertions came last to Safari; a script that holds one fails as a whole. */
function isSupported() {
  try {
    new RegExp("(?<=a)b");
  } catch (error) {
    return !error;
  }
  return "at" in Array.prototype && "inert" in HTMLElement.prototype && typeof HTMLDialogElement === "function" &&
    CSS.supports("color", "color-mix(in srgb, red, blue)");
}

/** Say so, in place of a page that stays empty. */
function showUnsupported() {
  const language = navigator.language.slice(0, 2);
  const find = (/** @type {string} */ locale) =>
    document.querySelector('meta[name="unsupported-browser"][lang="' + locale + '"]');
  const meta = find(language) || find("en");
  const text = document.createElement("p");
  text.style.cssText = "font: 18px/1.5 sans-serif; margin: 15vh auto; max-width: 30em; padding: 0 16px";
  text.textContent = meta ? meta.getAttribute("content") : "";
  document.body.prepend(text);
}
