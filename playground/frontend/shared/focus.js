// The focus is never lost: where the control that has it goes away, or can't be used any more, it
// goes on to one nearby. Whoever knows better where to has moved it before.

const STOPS = "button, a[href], summary, input, select, textarea, [tabindex='0']";

/** Watch over the focus in this element. */
export function keep_focus(root) {
  let path = []; // the control that has it, and everything around that
  let looks = false;
  const look = () => {
    looks = false;
    const [control, ...around] = path;
    if (!control || usable(control) || ![control, document.body, null].includes(document.activeElement)) return;
    near(control, around)?.focus({ preventScroll: true });
  };
  // In the next frame: some controls are out of use for less than that.
  const look_soon = () => {
    if (!looks) requestAnimationFrame(look);
    looks = true;
  };
  root.addEventListener("focusin", (event) => {
    path = event.composedPath().filter((at) => at instanceof Element && root.contains(at));
  });
  // Who goes elsewhere of their own will is not to be fetched back, out of another's page least of all.
  root.addEventListener("focusout", () => {
    if (path.length && usable(path[0])) path = [];
  });
  new MutationObserver(look_soon).observe(root, { attributes: true, childList: true, subtree: true });
}

/** The next control in what is around this one and still there, or else the one before; or a part
 * that takes the focus itself. */
function near(control, around) {
  for (const part of around.filter((one) => one.isConnected)) {
    const stops = [...part.querySelectorAll(STOPS)].filter(usable);
    const follows = (stop) => control.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (stops.length) return stops.find(follows) ?? stops.at(-1);
    if (part.matches("[tabindex]")) return part;
  }
}

function usable(stop) {
  return stop.isConnected && !stop.matches(":disabled, [inert] *") && stop.checkVisibility({ visibilityProperty: true });
}
