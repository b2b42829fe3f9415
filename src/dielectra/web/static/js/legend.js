// The legend of a figure, inside its plot: in the corner that hides least.

import { draw } from "./dom.js";
import { colourOf } from "./palette.js";

const GAP = 6, NEAR = 4, PLACES = 7;
const ROW = 18, KEY = 26, PAD = 8, MOST = 12;
const pen = document.createElement("canvas").getContext("2d");

function widthOf(words) {
  pen.font = "12px Inter, system-ui, sans-serif";
  return pen.measureText(words).width;
}

/** Return the legend as a group; curves beyond the twelfth are counted. */
export function placeLegend(curves, plot, across, upward, colours) {
  const rows = curves.slice(0, MOST).map((curve) => ({ curve, words: curve.label }));
  if (curves.length > MOST) rows.push({ words: `and ${curves.length - MOST} more` });
  const size = { width: KEY + 3 * PAD + Math.max(0, ...rows.map(({ words }) => widthOf(words))), height: ROW * rows.length + PAD };
  const { x, y } = leastHidden(curves, plot, across, upward, size);
  const group = draw("g", { class: "legend" }, draw("rect", { x, y, ...size, rx: 4, fill: colours.page, opacity: 0.82 }));
  rows.forEach(({ curve, words }, index) => {
    const middle = y + PAD / 2 + ROW * (index + 0.5);
    if (curve) group.append(key(curve, x + PAD, middle, colours));
    group.append(draw("text", { x: x + KEY + 2 * PAD, y: middle + 4, fill: colours.ink }, words));
  });
  return group;
}

function key(curve, x, y, colours) {
  const stroke = colourOf(curve, colours);
  if (curve.marks) return draw("circle", { cx: x + KEY / 2, cy: y, r: 3, fill: curve.filled ? stroke : colours.page, stroke, "stroke-width": 1.2, opacity: curve.opacity });
  return draw("line", { x1: x, x2: x + KEY, y1: y, y2: y, stroke, "stroke-width": curve.width ?? 2, "stroke-dasharray": curve.dash, opacity: curve.opacity });
}

/** Return the place in the plot where a box of that size hides fewest points of the curves; the upper right comes first. */
function leastHidden(curves, plot, across, upward, { width, height }) {
  const points = curves.flatMap(({ energies, values }) => energies.map((energy, index) => [across.of(energy), upward.of(values[index])]));
  const columns = spread(plot.right - width - GAP, plot.left + GAP);
  const rows = spread(plot.top + GAP, plot.bottom - height - GAP - 4);
  let best = null;
  for (const x of [columns[0], columns.at(-1), ...columns.slice(1, -1)]) {
    for (const y of [rows[0], rows.at(-1), ...rows.slice(1, -1)]) {
      const count = points.filter(([left, top]) => left > x - NEAR && left < x + width + NEAR && top > y - NEAR && top < y + height + NEAR).length;
      if (best === null || count < best.count) best = { x, y, count };
      if (count === 0) return best;
    }
  }
  return best;
}

const spread = (from, to) => Array.from({ length: PLACES }, (_, index) => from + ((to - from) * index) / (PLACES - 1));
