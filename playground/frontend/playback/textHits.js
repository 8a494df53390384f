// Which character of a rendered text lies at a point, and where on screen a character lies: from the
// browser's caret and ranges, so that a text needs no element for each character.

const MARK_MIN_PX = 6; // a line's end has no width

/** A part of the text: a text node, or an element with one, that shows tokens from `from` on.
 * skip: UTF-16 units before the first of them.
 * @typedef {{ element: HTMLElement, from: number, tokens: string[], skip: number }} Run */

/** The token under a point; null where there is none.
 * @param {Run[]} runs @param {number} x @param {number} y of the viewport @returns {number | null} */
export function tokenAtPoint(runs, x, y) {
  const caret = caretAt(x, y);
  const run = caret && runs.find(({ element }) => element.contains(caret.node));
  if (!run || !caret) return null;
  const { tokens, from, skip } = run;
  let units = skip, index = 0;
  while (index < tokens.length && units + tokens[index].length <= caret.offset) units += tokens[index++].length;
  // The caret lies between two characters: the point may be on the one before it.
  const candidates = [index, index - 1].filter((one) => one >= 0 && one < tokens.length);
  const hit = candidates.find((one) => rectsOf(run, one).some((rect) => contains(rect, x, y)));
  return from + (hit ?? Math.min(index, tokens.length - 1));
}

/** Where a token of the text lies on screen, or of those that a character is made of, the character;
 * null where it is not shown.
 * @param {Run[]} runs @param {number} position @returns {DOMRect | null} */
export function rectOfToken(runs, position) {
  const run = runs.find(({ from, tokens }) => position >= from && position < from + tokens.length);
  if (!run) return null;
  if (run.tokens[position - run.from] === "") return rectOfToken(runs, position + 1);
  return rectsOf(run, position - run.from).at(-1) ?? null;
}

/** Place the mark around a token of a scrolling region; it moves nothing else.
 * @param {HTMLElement} mark @param {HTMLElement} region @param {DOMRect | null} rect of the token, null: no mark
 * @param {boolean} intoView whether the region scrolls to it */
export function placeMark(mark, region, rect, intoView) {
  mark.hidden = !rect;
  if (!rect) return;
  const { scrollTop, clientTop, clientLeft, clientHeight } = region;
  const box = region.getBoundingClientRect();
  const top = rect.top - box.top - clientTop + scrollTop;
  const { style } = mark;
  style.transform = `translate(${rect.left - box.left - clientLeft}px, ${top}px)`;
  style.width = `${Math.max(rect.width, MARK_MIN_PX)}px`;
  style.height = `${rect.height}px`;
  if (!intoView) return;
  if (top < scrollTop) region.scrollTop = top - rect.height;
  else if (top + rect.height > scrollTop + clientHeight) region.scrollTop = top + 2 * rect.height - clientHeight;
}

/** @param {Run} run @param {number} index among its tokens */
function rectsOf({ element, tokens, skip }, index) {
  const node = element.firstChild;
  if (!(node instanceof Text)) return [];
  const start = skip + tokens.slice(0, index).join("").length;
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, start + tokens[index].length);
  return [...range.getClientRects()];
}

/** @param {DOMRect} rect @param {number} x @param {number} y */
const contains = ({ left, right, top, bottom }, x, y) => x >= left && x <= right && y >= top && y <= bottom;

/** The caret that a click at a point would set. Firefox and Chromium from 128 on have one name for it,
 * Safari and older ones the other.
 * @param {number} x @param {number} y @returns {{ node: Node, offset: number } | null} */
function caretAt(x, y) {
  const { caretPositionFromPoint, caretRangeFromPoint } = /** @type {any} */ (document);
  if (caretPositionFromPoint) {
    const found = caretPositionFromPoint.call(document, x, y);
    return found && { node: found.offsetNode, offset: found.offset };
  }
  const range = caretRangeFromPoint?.call(document, x, y);
  return range && { node: range.startContainer, offset: range.startOffset };
}
