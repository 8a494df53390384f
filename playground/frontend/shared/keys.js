// Keyboard shortcuts of the drawer. A key is never taken from a control that uses it itself.

import { hasOpenPopover } from "./popover.js";

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable='false'])";
const TEXT_FIELDS = `:is(${FIELDS}):not([type='range'], [type='radio'], [type='checkbox'])`;
const PRESSABLE = "button, a[href], summary, [role='tab'], [role='button']"; // with Space and Enter

/** Handlers return whether the key was used.
 * @typedef {object} Shortcuts
 * @property {() => boolean} toggle Space: play or pause
 * @property {() => boolean} choose Enter: append the highlighted token
 * @property {() => boolean} isMarked whether the highlight was moved
 * @property {(by: number) => boolean} move arrow keys: move the highlight
 * @property {(key: string, target: Element) => boolean} walk Esc, ← and →, Home, End: a place in the text
 * @property {() => boolean} close Esc outside a field
 * @property {(field: Element) => boolean} leave Esc in a field
 * @property {() => boolean} help ?: list the shortcuts
 * @property {(redo: boolean, target: EventTarget) => boolean} undo Ctrl or ⌘ Z */

/** Ctrl or ⌘ with Z, with Shift or Y to redo.
 * @param {KeyboardEvent} event */
function isUndo({ ctrlKey, metaKey, altKey, key }) {
  return (ctrlKey || metaKey) && !altKey && ["z", "y"].includes(key.toLowerCase());
}

/** Dispatch the keys pressed within an element, or the document, to their handlers.
 * @param {Shortcuts} shortcuts @param {Document | HTMLElement} scope */
export function listenForKeys(shortcuts, scope) {
  /** The control that the visitor reached by Tab: Enter is its own until a row is marked. */
  let byTab = false;
  scope.addEventListener("pointerdown", () => (byTab = false));
  scope.addEventListener("keydown", (/** @type {any} */ event) => {
    if (event.key === "Tab") byTab = true;
    if (event.defaultPrevented || event.isComposing) return;
    if (isUndo(event)) {
      if (shortcuts.undo(event.shiftKey || event.key.toLowerCase() === "y", event.composedPath()[0])) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.shiftKey && event.key !== "?") return; // which is a shifted key on most keyboards
    if (document.querySelector("dialog[open]") || hasOpenPopover(document)) return;
    const [target] = event.composedPath();
    if (!(target instanceof Element) || !dispatch(event, target, shortcuts, byTab)) return;
    if (event.key.startsWith("Arrow")) byTab = false;
    event.preventDefault();
  });
}

/** @param {KeyboardEvent} event @param {Element} target @param {Shortcuts} shortcuts
 * @param {boolean} byTab whether the target was reached by Tab */
function dispatch({ key, repeat }, target, shortcuts, byTab) {
  if (key === "?") return !target.closest(TEXT_FIELDS) && shortcuts.help();
  if (target.closest(FIELDS)) return key === "Escape" && shortcuts.leave(target);
  if (["Escape", "ArrowLeft", "ArrowRight", "Home", "End"].includes(key) && shortcuts.walk(key, target)) return true;
  if (key === "Escape") return shortcuts.close();
  if (key === "ArrowUp") return shortcuts.move(-1);
  if (key === "ArrowDown") return shortcuts.move(1);
  if (key === "Enter" && !repeat && !byTab && shortcuts.isMarked()) return shortcuts.choose();
  if (repeat || target.closest(PRESSABLE)) return false;
  if (key === " ") return shortcuts.toggle();
  return key === "Enter" && shortcuts.choose();
}
