// Keys of the drawer: Space plays and pauses, arrows and Enter choose, Esc closes, ? tells of them.
// None of them is taken from a control that needs it.

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable='false'])";
const TYPED = `:is(${FIELDS}):not([type='range'], [type='radio'], [type='checkbox'])`;
const PRESSED = "button, a[href], summary, [role='tab'], [role='button']"; // by Space and Enter

/** scope: the element, or the document, whose keys these are.
 * actions: toggle, choose, move(by), close, leave (a field), help. Each says whether it took the key. */
export function listen(actions, scope) {
  scope.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.shiftKey && event.key !== "?") return; // which is a shifted key on most keyboards
    if (document.querySelector("dialog[open], [popover]:popover-open")) return;
    const at = event.composedPath()[0];
    if (!(at instanceof Element)) return;
    if (takes(event, at, actions)) event.preventDefault();
  });
}

function takes({ key, repeat }, at, actions) {
  if (key === "?") return !at.closest(TYPED) && actions.help();
  if (at.closest(FIELDS)) return key === "Escape" && actions.leave(at);
  if (key === "Escape") return actions.close();
  if (key === "ArrowUp") return actions.move(-1);
  if (key === "ArrowDown") return actions.move(1);
  if (repeat || at.closest(PRESSED)) return false;
  if (key === " ") return actions.toggle();
  return key === "Enter" && actions.choose();
}
