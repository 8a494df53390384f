// Dialogs: native ones trap the focus, close on Esc and give the focus back; this adds the rest.

/** Have a dialog close by a click on its backdrop, and by its buttons with data-close. */
export function closable(dialog) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}
