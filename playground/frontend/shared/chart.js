// Curves over training steps, drawn as SVG: with axes for a training, without for the Library.
// Pure but for the SVG element that is drawn into.

import { createShape } from "./dom.js";
import { formatNumber } from "./messages.js";

/** dots: mark each point.
 * @typedef {{ name: string, points: [number, number][], dots?: boolean }} Line a point is [step, value]
 * @typedef {{ label: string, value: number }} Level a dashed line, with its name on it
 * @typedef {{ top: number, right: number, bottom: number, left: number }} Margin
 * @typedef {{ x: (step: number) => number, y: (value: number) => number, left: number, right: number }} Scale */

const AXES = { top: 18, right: 8, bottom: 24, left: 34 };
const NO_AXES = { top: 0, right: 0, bottom: 0, left: 0 };
const SPARKLINE_SIZE = 100;
const BUCKETS = 160; // of a line: closer points would be drawn on the same spot
const DOT_RADIUS = 3;
const NAME_HEIGHT = 15;
const NAME_GAP = 5;
const NUMBER_GAP = 8; // between a number and the axis
const NUMBER_DROP = 4; // centres a number on its line
const NUMBER_BOTTOM = 6;
const COLUMN_GAP = 44;
const LAST_COLUMN_GAP = 64;
const ROWS_MAX = 5;
/* eslint-disable no-magic-numbers -- tables of round numbers */
const ROW_UNITS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const ROUND_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];
/* eslint-enable no-magic-numbers */
const ROUNDING_ERROR = 1e-9;

/** Position of a step, 0 to 1: its square root, as most is learned in the early steps.
 * @param {number} step @param {number} steps */
const rootPosition = (step, steps) => Math.sqrt(Math.max(0, step) / Math.max(1, steps));

/** Draw lines and levels with axes.
 * @param {SVGElement} svg
 * @param {object} chart
 * @param {number} chart.width @param {number} chart.height
 * @param {number} chart.steps end of the horizontal axis
 * @param {number} chart.low @param {number} chart.high ends of the vertical axis
 * @param {Line[]} chart.lines @param {Level[]} [chart.levels]
 * @param {(value: number) => string} chart.format of a value on the vertical axis */
export function drawChart(svg, { width, height, steps, low, high, lines, levels = [], format }) {
  const scale = createScale({ width, height, margin: AXES, low, high, position: (step) => rootPosition(step, steps) });
  const { x, y, left, right } = scale;
  const horizontal = (/** @type {number} */ value) => `M${left} ${y(value)}H${right}`;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    ...gridValues(low, high).flatMap((value) => [
      createShape("path", { class: "plot__grid", d: horizontal(value) }),
      createText(left - NUMBER_GAP, y(value) + NUMBER_DROP, "end", format(value)),
    ]),
    ...gridSteps(steps, x).map((step) =>
      createText(x(step), height - NUMBER_BOTTOM, step === steps ? "end" : "middle", formatNumber(step))),
    ...levels.map(({ value }) => createShape("path", { class: "plot__level", d: horizontal(value) })),
    ...lines.flatMap((line) => createCurve(line, steps, scale)),
    ...placeNames(levels, y).map(({ label, at }) => createText(right, at, "end", label, "plot__name")),
  );
}

/** Draw values evenly spaced between low and the dashed line at high.
 * @param {SVGElement} svg
 * @param {object} sparkline
 * @param {(number | null)[]} sparkline.values null leaves a gap in the dots
 * @param {number} sparkline.now index of the emphasized value
 * @param {number} sparkline.low @param {number} sparkline.high */
export function drawSparkline(svg, { values, now, low, high }) {
  const size = SPARKLINE_SIZE;
  const scale = createScale({
    width: size, height: size, margin: NO_AXES, low, high,
    position: (index) => index / Math.max(1, values.length - 1),
  });
  const points = values.flatMap((value, index) => (value === null ? [] : [/** @type {[number, number]} */ ([index, value])]));
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.replaceChildren(
    createShape("path", { class: "curve__guess", d: `M0 0H${size}` }),
    createPolyline("curve__line", points, scale),
    // Dots are lines without a length: their round ends stay round when the drawing is stretched.
    ...points.map(([index, value]) => createShape("path", {
      class: index === now ? "curve__now" : "curve__point",
      d: `M${scale.x(index)} ${scale.y(value)}h0`,
    })),
  );
}

/** @param {{ width: number, height: number, margin: Margin, low: number, high: number, position: (step: number) => number }} box
 * @returns {Scale} */
function createScale({ width, height, margin, low, high, position }) {
  const right = width - margin.right, bottom = height - margin.bottom;
  return {
    left: margin.left,
    right,
    x: (step) => margin.left + position(step) * (right - margin.left),
    y: (value) => {
      const share = (high - value) / (high - low || 1);
      return margin.top + Math.min(1, Math.max(0, share)) * (bottom - margin.top);
    },
  };
}

/** @param {Line} line @param {number} steps @param {Scale} scale */
function createCurve({ name, points, dots }, steps, scale) {
  const drawn = dots ? points : downsample(points, steps);
  const marked = dots || points.length === 1 ? drawn : [];
  return [
    createPolyline(`plot__line plot__line--${name}`, drawn, scale),
    ...marked.map(([step, value]) => createShape("circle", {
      class: `plot__dot plot__dot--${name}`,
      cx: scale.x(step).toFixed(1), cy: scale.y(value).toFixed(1), r: DOT_RADIUS,
    })),
  ];
}

/** @param {string} className @param {[number, number][]} points @param {Scale} scale */
function createPolyline(className, points, { x, y }) {
  const coordinates = points.map(([step, value]) => `${x(step).toFixed(2)},${y(value).toFixed(2)}`).join(" ");
  return createShape("polyline", { class: className, points: coordinates });
}

/** Neighbours that would be drawn on the same spot, as their mean.
 * @param {[number, number][]} points @param {number} steps */
function downsample(points, steps) {
  /** @type {Map<number, [number, number][]>} */
  const buckets = new Map();
  for (const point of points) {
    const key = Math.min(BUCKETS - 1, Math.floor(BUCKETS * rootPosition(point[0], steps)));
    const bucket = buckets.get(key);
    if (bucket) bucket.push(point);
    else buckets.set(key, [point]);
  }
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...buckets.values()].map((bucket) => /** @type {[number, number]} */ ([
    mean(bucket.map(([step]) => step)), mean(bucket.map(([, value]) => value))]));
}

/** Round values for the grid, ROWS_MAX at most.
 * @param {number} low @param {number} high */
function gridValues(low, high) {
  const unit = ROW_UNITS.find((size) => (high - low) / size <= ROWS_MAX) ?? ROW_UNITS[ROW_UNITS.length - 1];
  const first = Math.ceil(low / unit - ROUNDING_ERROR);
  const count = Math.floor(high / unit + ROUNDING_ERROR) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * unit);
}

/** Round steps with room between them, and the last one.
 * @param {number} steps @param {Scale["x"]} x */
function gridSteps(steps, x) {
  const shown = [0];
  for (const step of ROUND_STEPS) {
    const last = shown[shown.length - 1];
    if (x(step) - x(last) >= COLUMN_GAP && x(steps) - x(step) >= LAST_COLUMN_GAP) shown.push(step);
  }
  return [...shown, steps];
}

/** The names of the levels, each above its line; those of neighbours together above the upper one.
 * @param {Level[]} levels @param {Scale["y"]} y */
function placeNames(levels, y) {
  /** @type {{ label: string, at: number }[]} */
  const shown = [];
  for (const { label, value } of [...levels].sort((a, b) => b.value - a.value)) {
    const at = y(value) - NAME_GAP;
    const above = shown.at(-1);
    if (above && at - above.at < NAME_HEIGHT) above.label += ` · ${label}`;
    else shown.push({ label, at });
  }
  return shown;
}

/** @param {number} x @param {number} y @param {string} anchor @param {string} content @param {string} [className] */
function createText(x, y, anchor, content, className = "plot__number") {
  const text = createShape("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor, class: className });
  text.textContent = content;
  return text;
}
