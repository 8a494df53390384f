// The bars as a picture: an SVG as a text of its own, with every character of the texts escaped.
// Pure: no DOM, no network.

/** @import { Step } from "../../types.js" */

import { rest, rows } from "../../playback/trace.js";
import { formatPercent, tokenLabel, visibleText } from "../../shared/text.js";

const WIDTH = 640;
const MARGIN = 24;
const TOP = 92;
const ROW = 30;
const LABEL_RIGHT = 136;
const BAR_LEFT = 148;
const BAR_WIDTH = 384;
const BAR_HEIGHT = 16;
const BASELINE = 20; // of a row's text
const TEXT_MAX = 58; // characters of the text in the heading

const STYLE = [
  "text{font:15px system-ui,sans-serif;fill:#0f1b2d;unicode-bidi:isolate}",
  ".text,.token{font-family:ui-monospace,Menlo,Consolas,monospace;white-space:pre}",
  ".text{font-size:16px;font-weight:600}.note{fill:#55647a;font-size:13px}.bar{fill:#7f90a8}.pick .bar{fill:#0f766e}.pick text{font-weight:600}",
].join("");

/** @param {Step} step whose bars they are @param {string[]} text before it @param {string} note below the text
 * @param {{ next: string, other: string }} words next: what the picture shows; other: the row of all that have no bar */
export function barsSvg(step, text, note, { next, other }) {
  const { count, prob } = rest(step);
  const shown = rows(step).map((row) => ({ label: tokenLabel(row.text), prob: row.prob, isPick: row.text === step.text }));
  if (count > 0) shown.push({ label: other, prob, isPick: false });
  const tail = visibleText(text.slice(-TEXT_MAX).join(""));
  const height = TOP + shown.length * ROW + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escape(next)}</title><style>${STYLE}</style><rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${MARGIN}" y="40" class="text" xml:space="preserve">${escape((text.length > TEXT_MAX ? "…" : "") + tail)}</text>`,
    `<text x="${MARGIN}" y="66" class="note">${escape(note)}</text>`,
    ...shown.map((row, index) => drawRow(row, TOP + index * ROW)),
    "</svg>",
  ].join("\n");
}


/** @param {{ label: string, prob: number, isPick: boolean }} row @param {number} y */
function drawRow({ label, prob, isPick }, y) {
  const width = (BAR_WIDTH * prob).toFixed(1);
  const baseline = y + BASELINE;
  return [
    `<g${isPick ? ' class="pick"' : ""}><text x="${LABEL_RIGHT}" y="${baseline}" class="token" text-anchor="end" xml:space="preserve">${escape((isPick ? "✓ " : "") + label)}</text>`,
    `<rect x="${BAR_LEFT}" y="${y + (ROW - BAR_HEIGHT) / 2}" width="${width}" height="${BAR_HEIGHT}" class="bar"/>`,
    `<text x="${WIDTH - MARGIN}" y="${baseline}" text-anchor="end">${escape(formatPercent(prob))}</text></g>`,
  ].join("");
}

/** @param {string} text */
const escape = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
