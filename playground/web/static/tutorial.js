// The tutorial: a dialog whose points can be tried at once. Native <dialog> traps the focus,
// closes on Esc and gives the focus back.

/** The page's actions that belong to it. */
export function tutorial(dialog, { drawer, library, player }) {
  const trying = (act) => () => {
    dialog.close();
    const opener = document.querySelector("[data-action=tutorial]");
    if (!drawer.isOpen) drawer.open(opener);
    act();
  };
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // its backdrop
  });
  return {
    tutorial: () => dialog.showModal(),
    "tutorial-close": () => dialog.close(),
    "try-vocabulary": trying(() => document.getElementById("vocabulary").showPopover()),
    "try-play": trying(() => player.play()),
    "try-second": trying(() => {
      player.pause();
      player.choose(player.next?.candidates[1]?.token);
    }),
    "try-first-step": trying(() => library.moveTo(0, true)),
    "try-last-step": trying(() => library.moveTo(Infinity, true)),
  };
}
