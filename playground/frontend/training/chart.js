// A plot over training steps, drawn as SVG. It is given numbers only, and keeps nothing.
//
// lines:  [{name, points: [[step, value], …], dots}]   dots: each point is marked
// levels: [{label, value}]                             dashed, with their names on them

import { shape } from "../shared/dom.js";
import { number } from "../shared/messages.js";

const MARGIN = { top: 18, right: 8, bottom: 24, left: 34 };
const BUCKETS = 160; // of a line: more can't be told apart
const LABEL_PX = 15;
const ROUND = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];

/** Early steps get more room, as most is learned in them: a step stands at its square root. */
const place = (step, steps) => Math.sqrt(Math.max(0, step) / Math.max(1, steps));

export function plot(svg, { width, height, steps, low, high, lines, levels = [], format }) {
  const right = width - MARGIN.right, bottom = height - MARGIN.bottom;
  const x = (step) => MARGIN.left + place(step, steps) * (right - MARGIN.left);
  const y = (value) => {
    const share = (high - value) / (high - low || 1);
    return MARGIN.top + Math.min(1, Math.max(0, share)) * (bottom - MARGIN.top);
  };
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    ...rows(low, high).flatMap((value) => [
      shape("path", { class: "plot__grid", d: `M${MARGIN.left} ${y(value)}H${right}` }),
      text(MARGIN.left - 8, y(value) + 4, "end", format(value)),
    ]),
    ...columns(steps, x).map((step) => text(x(step), height - 6, step === steps ? "end" : "middle", number(step))),
    ...levels.map(({ value }) => shape("path", { class: "plot__level", d: `M${MARGIN.left} ${y(value)}H${right}` })),
    ...lines.flatMap((line) => curve(line, steps, x, y)),
    ...names(levels, y).map(([label, at]) => text(right, at, "end", label, "plot__name")),
  );
}

function curve({ name, points, dots }, steps, x, y) {
  const drawn = dots ? points : thinned(points, steps);
  const way = drawn.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const line = shape("polyline", { class: `plot__line plot__line--${name}`, points: way });
  const marked = dots || points.length === 1 ? drawn : [];
  return [line, ...marked.map(([step, value]) =>
    shape("circle", { class: `plot__dot plot__dot--${name}`, cx: x(step).toFixed(1), cy: y(value).toFixed(1), r: 3 }))];
}

/** Neighbours that would be drawn on the same spot, as their mean. */
function thinned(points, steps) {
  const buckets = new Map();
  for (const point of points) {
    const key = Math.min(BUCKETS - 1, Math.floor(BUCKETS * place(point[0], steps)));
    if (buckets.has(key)) buckets.get(key).push(point);
    else buckets.set(key, [point]);
  }
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...buckets.values()].map((bucket) => [
    mean(bucket.map(([step]) => step)), mean(bucket.map(([, value]) => value))]);
}

/** Round values for the grid, five at most. */
function rows(low, high) {
  const unit = [0.05, 0.1, 0.25, 0.5, 1, 2].find((size) => (high - low) / size <= 5) ?? 5;
  const first = Math.ceil(low / unit - 1e-9);
  const count = Math.floor(high / unit + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * unit);
}

/** Round steps with room between them, and the last one. */
function columns(steps, x) {
  const shown = [0];
  for (const step of ROUND) {
    if (x(step) - x(shown.at(-1)) >= 44 && x(steps) - x(step) >= 64) shown.push(step);
  }
  return [...shown, steps];
}

/** Where the names of the levels stand: each on its line; those of neighbours on the upper one. */
function names(levels, y) {
  const shown = [];
  for (const { label, value } of levels.toSorted((a, b) => b.value - a.value)) {
    const at = y(value) - 5;
    const above = shown.at(-1);
    if (above && at - above[1] < LABEL_PX) above[0] += ` · ${label}`;
    else shown.push([label, at]);
  }
  return shown;
}

function text(x, y, anchor, content, className = "plot__number") {
  const made = shape("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor, class: className });
  made.textContent = content;
  return made;
}
