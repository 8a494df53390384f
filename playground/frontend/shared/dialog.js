// Dialogs: native ones trap the focus, close on Esc and restore the focus; this adds the rest.

/** Close a dialog on a click on its backdrop or on an element with data-close.
 * @param {HTMLDialogElement} dialog */
export function makeClosable(dialog) {
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target === dialog || target.closest("[data-close]")) dialog.close();
  });
}
