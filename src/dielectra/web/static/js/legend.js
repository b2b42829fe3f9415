// The legend of a figure, inside its plot: in the corner that hides least.

import { draw } from "./dom.js";
import { colourOf } from "./palette.js";

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

/** Return the corner of the plot where a box of that size hides fewest points of the curves. */
function leastHidden(curves, plot, across, upward, { width, height }) {
  const gap = 6;
  const corners = [
    { x: plot.right - width - gap, y: plot.top + gap }, { x: plot.left + gap, y: plot.top + gap },
    { x: plot.right - width - gap, y: plot.bottom - height - gap - 4 }, { x: plot.left + gap, y: plot.bottom - height - gap - 4 },
  ];
  const hidden = ({ x, y }) => curves.reduce((sum, { energies, values }) => sum + energies.filter((energy, index) => {
    const [left, top] = [across.of(energy), upward.of(values[index])];
    return left > x && left < x + width && top > y && top < y + height;
  }).length, 0);
  return corners.reduce((best, corner) => {
    const count = hidden(corner);
    return best === null || count < best.count ? { ...corner, count } : best;
  }, null);
}
