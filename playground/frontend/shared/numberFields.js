// What is typed into a field of type "number".

const COMMA = /^-?\d*,\d*$/;

/** Read a decimal comma as a point, where the browser would drop it: 1,5 would become 15.
 * @param {Document | HTMLElement} scope */
export function acceptDecimalCommas(scope) {
  // The browser's own locale decides what its fields take, not that of the page.
  const [, sign] = new Intl.NumberFormat().formatToParts(1 / 2);
  if (sign.value !== ".") return;
  scope.addEventListener("beforeinput", (event) => {
    const { data } = /** @type {InputEvent} */ (event);
    const [field] = event.composedPath();
    if (!(field instanceof HTMLInputElement) || field.type !== "number" || !data || !COMMA.test(data)) return;
    if (Number.isInteger(Number(field.step))) return; // a comma groups digits there
    event.preventDefault();
    document.execCommand("insertText", false, data.replace(",", ".")); // which can be undone, and tells of itself
  });
}
