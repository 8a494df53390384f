// Work-arounds for Gradio in the browser, all of them; each names the version it was seen in. The
// server's are in playground/page/gradio_patches.py.

/** @import { ActionDetail, Sampling } from "../types.js" */

import { translate } from "./messages.js";

/** Resolve with an element for each selector, as soon as all of them exist.
 * Gradio 6.31 mounts its components one by one, and fires no event once all are there.
 * @template {string} K
 * @param {Record<K, string>} selectors @returns {Promise<Record<K, HTMLElement>>} */
export function waitForElements(selectors) {
  return new Promise((resolve) => {
    const look = () => {
      const found = Object.entries(selectors).map(([name, selector]) =>
        [name, document.querySelector(/** @type {string} */ (selector))]);
      if (found.every(([, element]) => element)) {
        observer.disconnect();
        resolve(Object.fromEntries(found));
      }
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true });
    look();
  });
}

/** Give accessible names to sliders, their number fields and the radio group.
 * Gradio 6.31 names a slider "range slider for Speed" in every language, and the others not at all.
 * @param {HTMLElement} pick the radio group */
export function nameControls(pick) {
  for (const range of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[type=range]"))) {
    const name = range.getAttribute("aria-label")?.replace("range slider for ", "");
    if (!name) continue;
    range.setAttribute("aria-label", name);
    const field = range.closest(".block")?.querySelector("input[type=number]");
    field?.setAttribute("aria-label", translate("access.as_number", { name }));
  }
  pick.setAttribute("aria-label", translate("controls.pick"));
}

/** Empty a number field, so that its placeholder shows.
 * Gradio 6.31 displays 0 for `gr.Number(value=None)`.
 * @param {HTMLInputElement} input */
export function clearNumber(input) {
  input.value = "";
}

/** Set a textbox's value so that Gradio's own state follows.
 * Gradio 6.31 reads a textarea on its input event only.
 * @param {HTMLTextAreaElement} textarea @param {string} text */
export function setTextboxValue(textarea, text) {
  textarea.value = text;
  textarea.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Call a handler for each action: those of Gradio's components, which dispatch `playground` (see
 * page/blocks.py), and clicks on buttons within the scope.
 * Gradio 6.31 queues a button's click behind its other events: Pause would come a tick late. So
 * clicks are taken from the DOM.
 * @param {Document | HTMLElement} scope @param {(detail: ActionDetail) => void} handler */
export function listenForActions(scope, handler) {
  document.addEventListener("playground", (event) => handler(/** @type {CustomEvent} */ (event).detail));
  scope.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    /** @type {HTMLElement | null} */
    const source = target.closest("[data-action], #controls button, #clear");
    if (source) handler({ action: source.dataset.action ?? source.id, source });
  });
}

/** Dispatch an action as Gradio's components do.
 * @param {ActionDetail} detail */
export function dispatchAction(detail) {
  document.dispatchEvent(new CustomEvent("playground", { detail }));
}

/** Set the values of the settings' components.
 * Gradio 6.31 has no client-side setter: the event triggers the wiring of page/blocks.py, which
 * reads the values from data-settings, in its order.
 * @param {HTMLElement} player @param {Sampling & { intervalMs: number }} settings */
export function setSettings(player, { intervalMs, pick, temperature, top_k: topK, top_p: topP, seed }) {
  player.dataset.settings = JSON.stringify([intervalMs, pick, temperature, topK, topP, seed]);
  player.dispatchEvent(new Event("settings", { bubbles: true }));
}

/** Gradio 6.31 derives the id of a tab's button from the tab's.
 * @param {string} name */
const tabButton = (name) => document.getElementById(`tab-${name}-button`);

/** @param {string} name */
export const openTab = (name) => tabButton(name)?.click();

/** A tab's label on the page.
 * @param {string} name */
export const tabLabel = (name) => tabButton(name)?.textContent.trim() ?? "";
