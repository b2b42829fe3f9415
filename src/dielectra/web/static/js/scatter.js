// Two columns of the table of a batch against each other; linked with its rows.

import { draw, short } from "./dom.js";
import { FONT } from "./figure.js";
import { onSchemeChange, palette } from "./palette.js";
import { ticksBetween } from "./units.js";

const NEAR = 14; // pixels

/** A scatter plot in a container; `onPoint(row)` is told which row the pointer is at, `onOpen(row)` which is clicked. */
export class Scatter {
  constructor(container, onPoint, onOpen) {
    Object.assign(this, { container, rows: [], x: null, y: null, chosen: null, points: [] });
    new ResizeObserver(() => this.draw()).observe(container);
    onSchemeChange(() => this.draw());
    container.addEventListener("pointermove", (event) => onPoint(this.#nearest(event)));
    container.addEventListener("pointerleave", () => onPoint(null));
    container.addEventListener("click", (event) => {
      const row = this.#nearest(event);
      if (row) onOpen(row);
    });
  }

  /** Show rows; `x` and `y` are columns `{title, value}`. */
  show(rows, x, y) {
    Object.assign(this, { rows, x, y });
    this.container.setAttribute("aria-label", `${y.title} against ${x.title} of ${rows.length} crystals. The table holds the numbers.`);
    this.draw();
  }

  /** Mark the point of a row. */
  choose(row) {
    this.chosen = row;
    const found = this.points.find((point) => point.row === row);
    this.mark?.remove();
    if (!found) return;
    this.mark = draw("circle", { cx: found.left, cy: found.top, r: 8, fill: "none", stroke: palette().ink, "stroke-width": 2 });
    this.svg.append(this.mark);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (!width || !this.x) return;
    const colours = palette();
    const plot = { left: 56, right: width - 12, top: 12, bottom: height - 44 };
    const known = this.rows.map((row) => ({ row, across: this.x.value(row), up: this.y.value(row) })).filter(({ across, up }) => Number.isFinite(across) && Number.isFinite(up));
    const across = scaleOf(known.map((one) => one.across), plot.left, plot.right);
    const upward = scaleOf(known.map((one) => one.up), plot.bottom, plot.top);
    this.points = known.map((one) => ({ row: one.row, left: across.of(one.across), top: upward.of(one.up) }));
    const dots = this.points.map(({ row, left, top }) => draw("circle", {
      cx: left.toFixed(1), cy: top.toFixed(1), r: 4.5, fill: row.colour ?? colours.series[0], stroke: colours.soft, "stroke-width": 0.8, "fill-opacity": 0.9 }));
    this.svg = draw("svg", { width, height, "aria-hidden": "true", "font-family": FONT, "font-size": 12 }, frame(this, plot, across, upward, colours), ...dots);
    this.container.replaceChildren(this.svg);
    this.choose(this.chosen);
  }

  #nearest(event) {
    const { left, top } = this.container.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top];
    let best = null, distance = NEAR;
    for (const point of this.points) {
      const here = Math.hypot(point.left - x, point.top - y);
      if (here < distance) [best, distance] = [point.row, here];
    }
    return best;
  }
}

function scaleOf(values, from, to) {
  const [least, most] = values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
  const margin = 0.05 * (most - least || Math.abs(most) || 1);
  const [low, high] = [least - margin, most + margin];
  return { low, high, of: (value) => from + ((value - low) / (high - low)) * (to - from) };
}

function frame({ x, y }, plot, across, upward, colours) {
  const group = draw("g", { fill: colours.soft });
  for (const value of ticksBetween(upward.low, upward.high, 6)) {
    group.append(draw("line", { x1: plot.left, x2: plot.right, y1: upward.of(value), y2: upward.of(value), stroke: colours.grid }),
      draw("text", { x: plot.left - 8, y: upward.of(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticksBetween(across.low, across.high, Math.max(3, (plot.right - plot.left) / 80))) {
    group.append(draw("text", { x: across.of(value), y: plot.bottom + 18, "text-anchor": "middle" }, short(value)));
  }
  const middle = (plot.top + plot.bottom) / 2;
  group.append(draw("text", { x: (plot.left + plot.right) / 2, y: plot.bottom + 38, "text-anchor": "middle" }, x.title),
    draw("text", { x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }, y.title));
  return group;
}
