// Keyboard shortcuts of the drawer. A key is never taken from a control that uses it itself.

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable='false'])";
const TEXT_FIELDS = `:is(${FIELDS}):not([type='range'], [type='radio'], [type='checkbox'])`;
const PRESSABLE = "button, a[href], summary, [role='tab'], [role='button']"; // with Space and Enter

/** Handlers return whether the key was used.
 * @typedef {object} Shortcuts
 * @property {() => boolean} toggle Space: play or pause
 * @property {() => boolean} choose Enter: append the highlighted token
 * @property {(by: number) => boolean} move arrow keys: move the highlight
 * @property {() => boolean} close Esc outside a field
 * @property {(field: Element) => boolean} leave Esc in a field
 * @property {() => boolean} help ?: list the shortcuts */

/** Dispatch the keys pressed within an element, or the document, to their handlers.
 * @param {Shortcuts} shortcuts @param {Document | HTMLElement} scope */
export function listenForKeys(shortcuts, scope) {
  scope.addEventListener("keydown", (/** @type {any} */ event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.shiftKey && event.key !== "?") return; // which is a shifted key on most keyboards
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    const [target] = event.composedPath();
    if (target instanceof Element && dispatch(event, target, shortcuts)) event.preventDefault();
  });
}

/** @param {KeyboardEvent} event @param {Element} target @param {Shortcuts} shortcuts */
function dispatch({ key, repeat }, target, shortcuts) {
  if (key === "?") return !target.closest(TEXT_FIELDS) && shortcuts.help();
  if (target.closest(FIELDS)) return key === "Escape" && shortcuts.leave(target);
  if (key === "Escape") return shortcuts.close();
  if (key === "ArrowUp") return shortcuts.move(-1);
  if (key === "ArrowDown") return shortcuts.move(1);
  if (repeat || target.closest(PRESSABLE)) return false;
  if (key === " ") return shortcuts.toggle();
  return key === "Enter" && shortcuts.choose();
}
