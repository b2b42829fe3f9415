// A figure of curves against photon energy as SVG: axes, visible band, bands, curves, legend. It knows no page.
//
// A figure is `{title, yLabel, unit, ends, logarithmic, curves}`; `ends` are photon energies (eV). A curve is
// `{label, energies, values, hue, dash, width, opacity, marks, lower, upper}`: hue counts the palette's series, -1 is the
// colour of measurements; lower and upper are the ends of its band.

import { draw, short } from "./dom.js";
import { placeLegend } from "./legend.js";
import { colourOf } from "./palette.js";
import { RAINBOW, ticksBetween, unevenTicks, UNITS, VISIBLE } from "./units.js";

export const FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
const TEXT = { "font-family": FONT, "font-size": 12 };
const LOG_DECADES = 6;
const BAND_SHARE = 1.5; // a band may stretch the axis to so much more than its curves do
const LEAST_OPPOSITE = 0.1; // eV: the opposite axis ends where wavelengths grow without end
const LEAST_MEASURED = 0.3; // eV: measured points below do not stretch the axis
let figures = 0;

/** Draw a figure; return the SVG and the map between its pixels and its numbers. */
export function drawFigure(figure, { width, height, colours, titled = false }) {
  const plot = { left: 62, right: width - 14, top: titled ? 74 : 40, bottom: height - 46 };
  const across = horizontal(figure, plot);
  const upward = vertical(figure, plot);
  const clip = `clip-${++figures}`;
  const curves = draw("g", { "clip-path": `url(#${clip})` });
  for (const curve of figure.curves) if (curve.lower) curves.append(drawBand(curve, across, upward, colours));
  for (const curve of figure.curves) curves.append(curve.marks ? drawMarks(curve, across, upward, colours) : drawLine(curve, across, upward, colours));
  const svg = draw("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`, ...TEXT },
    draw("defs", {}, draw("clipPath", { id: clip }, draw("rect", { x: plot.left, y: plot.top, width: plot.right - plot.left, height: plot.bottom - plot.top }))),
    ...(titled ? [draw("rect", { width, height, fill: colours.page }), text(figure.title, 14, 26, { fill: colours.ink, "font-size": 15, "font-weight": 600 })] : []),
    visibleBand(figure, plot, across, clip),
    axesOf(figure, plot, across, upward, colours),
    curves,
    placeLegend(figure.curves, plot, across, upward, colours),
  );
  return { svg, plot, across, upward };
}

const text = (words, x, y, attributes = {}) => draw("text", { x, y, ...attributes }, words);

/** Return the map from photon energies to pixels and back, and the ends in the unit of the axis. */
function horizontal({ unit, ends }, plot) {
  const { fromEv, toEv, falls } = UNITS[unit];
  const [low, high] = (falls ? [...ends].reverse() : ends).map(fromEv);
  const scale = (plot.right - plot.left) / (high - low);
  return {
    low, high,
    ofUnit: (value) => plot.left + (value - low) * scale,
    of: (energy) => plot.left + (fromEv(energy) - low) * scale,
    energyAt: (pixel) => toEv(low + (pixel - plot.left) / scale),
    shows: (energy) => energy >= ends[0] - 1e-9 && energy <= ends[1] + 1e-9,
  };
}

function vertical(figure, plot) {
  const { low, high } = figure.logarithmic ? decades(figure) : limits(figure);
  const size = plot.bottom - plot.top;
  const of = figure.logarithmic
    ? (value) => plot.bottom - (size * Math.log10(Math.max(value, low / 10) / low)) / Math.log10(high / low)
    : (value) => plot.bottom - (size * (value - low)) / (high - low);
  return { low, high, of };
}

/** Return the least and the largest value that a figure shows between its ends. */
function extent({ curves, ends: [low, high] }) {
  let least = Infinity, most = -Infinity, bandMost = -Infinity;
  for (const { energies, values, upper, marks } of curves) {
    energies.forEach((energy, index) => {
      if (marks && energy < LEAST_MEASURED) return; // phonons, which no prediction has
      if (energy < low - 1e-9 || energy > high + 1e-9 || values[index] === null) return;
      least = Math.min(least, values[index]);
      most = Math.max(most, values[index]);
      if (upper) bandMost = Math.max(bandMost, upper[index]);
    });
  }
  return Number.isFinite(least) ? { least, most: Math.max(most, Math.min(bandMost, most * BAND_SHARE)) } : { least: 0, most: 1 };
}

function limits(figure) {
  const { least, most } = extent(figure);
  const low = least > 0.6 * most ? least : Math.min(0, least);
  const span = Math.max(most - low, 1e-6);
  return { low: low === 0 ? 0 : low - 0.06 * span, high: most + 0.08 * span };
}

function decades(figure) {
  const most = Math.max(extent(figure).most, 1e-9);
  const positive = figure.curves.flatMap(({ values }) => values.filter((value) => value > 0));
  const least = Math.max(Math.min(...positive, most), most / 10 ** LOG_DECADES);
  return { low: 10 ** Math.floor(Math.log10(least)), high: 10 ** (Math.log10(most) + 0.2) };
}

function visibleBand({ ends }, plot, across, clip) {
  const [low, high] = [Math.max(VISIBLE[0], ends[0]), Math.min(VISIBLE[1], ends[1])];
  if (low >= high) return draw("g");
  const [left, right] = [across.of(low), across.of(high)].sort((a, b) => a - b);
  const gradient = `visible-${clip}`;
  const stops = RAINBOW.map(([energy, colour]) => [(across.of(energy) - left) / (right - left), colour]).sort((a, b) => a[0] - b[0]);
  return draw("g", {},
    draw("linearGradient", { id: gradient, gradientUnits: "userSpaceOnUse", x1: left, x2: right, y1: 0, y2: 0 },
      ...stops.map(([offset, colour]) => draw("stop", { offset: Math.min(Math.max(offset, 0), 1).toFixed(4), "stop-color": colour }))),
    draw("rect", { x: left, width: right - left, y: plot.top, height: plot.bottom - plot.top, fill: `url(#${gradient})`, opacity: 0.07 }),
    draw("rect", { x: left, width: right - left, y: plot.bottom - 4, height: 4, fill: `url(#${gradient})`, opacity: 0.9 }));
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (exponent) => `10${exponent < 0 ? "⁻" : ""}${String(Math.abs(exponent)).replace(/\d/g, (digit) => SUPERSCRIPTS[digit])}`;

function axesOf(figure, plot, across, upward, colours) {
  const here = UNITS[figure.unit], there = UNITS[here.opposite];
  const group = draw("g", { fill: colours.soft });
  const line = (x1, y1, x2, y2) => group.append(draw("line", { x1, y1, x2, y2, stroke: colours.grid }));
  const labels = (words, x, y, anchor) => group.append(text(words, x, y, { "text-anchor": anchor }));
  for (const [value, label] of heights(figure, plot, upward)) {
    line(plot.left, upward.of(value), plot.right, upward.of(value));
    labels(label, plot.left - 8, upward.of(value) + 4, "end");
  }
  for (const value of ticksBetween(across.low, across.high, Math.max(3, (plot.right - plot.left) / 72))) {
    line(across.ofUnit(value), plot.bottom, across.ofUnit(value), plot.bottom + 5);
    labels(short(value), across.ofUnit(value), plot.bottom + 19, "middle");
  }
  const [low, high] = figure.ends.map((energy) => there.fromEv(Math.max(energy, LEAST_OPPOSITE))).sort((a, b) => a - b);
  for (const value of unevenTicks(low, high, (one) => across.of(there.toEv(one)), 52)) {
    const x = across.of(there.toEv(value));
    line(x, plot.top - 5, x, plot.top);
    if (x < plot.right - 40) labels(short(value), x, plot.top - 10, "middle");
  }
  line(plot.left, plot.top, plot.right, plot.top);
  labels(there.label, plot.right, plot.top - 10, "end");
  labels(`${here.quantity} (${here.label})`, (plot.left + plot.right) / 2, plot.bottom + 38, "middle");
  const middle = (plot.top + plot.bottom) / 2;
  group.append(text(figure.yLabel, 14, middle, { "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }));
  return group;
}

function heights({ logarithmic }, plot, upward) {
  if (!logarithmic) return ticksBetween(upward.low, upward.high, Math.max(3, (plot.bottom - plot.top) / 52)).map((value) => [value, short(value)]);
  const first = Math.ceil(Math.log10(upward.low) - 1e-9), last = Math.floor(Math.log10(upward.high) + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => [10 ** (first + index), power(first + index)]);
}

/** Return points in pixels; what an axis cannot show (zero energy as a wavelength) is left out. */
const points = (energies, values, across, upward) => energies.flatMap((energy, index) => {
  const [x, y] = [across.of(energy), upward.of(values[index])];
  return Number.isFinite(x) && Number.isFinite(y) ? [`${x.toFixed(1)} ${y.toFixed(1)}`] : [];
});

function drawLine(curve, across, upward, colours) {
  return draw("path", {
    d: `M${points(curve.energies, curve.values, across, upward).join("L")}`, fill: "none", stroke: colourOf(curve, colours),
    "stroke-width": curve.width ?? 2, "stroke-dasharray": curve.dash, opacity: curve.opacity, "stroke-linejoin": "round",
  });
}

function drawBand(curve, across, upward, colours) {
  const there = points(curve.energies, curve.lower, across, upward);
  const back = points(curve.energies, curve.upper, across, upward).reverse();
  return draw("path", { class: "band", d: `M${[...there, ...back].join("L")}Z`, fill: colourOf(curve, colours), opacity: 0.13 });
}

function drawMarks(curve, across, upward, colours) {
  const colour = colourOf(curve, colours);
  const group = draw("g", { class: "measured", fill: curve.filled ? colour : colours.page, stroke: colour, "stroke-width": 1.2, opacity: curve.opacity });
  let last = -Infinity;
  curve.energies.forEach((energy, index) => {
    const [x, y] = [across.of(energy), upward.of(curve.values[index])];
    if (!across.shows(energy) || !Number.isFinite(x + y) || Math.abs(x - last) < 4) return;
    last = x;
    group.append(draw("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 2.4 }));
  });
  return group;
}
