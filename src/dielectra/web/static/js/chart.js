// The chart of the page: a figure that is drawn anew at every size, with a cursor that reads it and a drag that zooms.

import { draw, interval, make, short } from "./dom.js";
import { drawFigure } from "./figure.js";
import { colourOf, onSchemeChange, palette, PALETTES } from "./palette.js";
import { nanometres, UNITS } from "./units.js";

const LEAST_DRAG = 8; // pixels
const EXPORTED = { width: 960, height: 600 };
const ZOOM_STEP = 0.6;

/**
 * A chart in a container, with a slider that moves its cursor and a list that reads it.
 *
 * `show(figure)` draws a figure of figure.js. `onZoom(ends)` is told of a zoom by drag or keys, in eV; null resets.
 */
export class Chart {
  constructor(container, slider, readout, onZoom) {
    Object.assign(this, { container, slider, readout, onZoom, figure: null, drawn: null, energy: 2, overlay: null });
    slider.addEventListener("input", () => this.#read(Number(slider.value)));
    slider.addEventListener("keydown", (event) => this.#zoomByKey(event));
    new ResizeObserver(() => this.#draw()).observe(container);
    onSchemeChange(() => this.#draw());
    this.#listen();
  }

  clear() {
    this.figure = this.drawn = null;
    this.container.replaceChildren();
  }

  show(figure) {
    this.figure = figure;
    this.container.setAttribute("aria-label", `${figure.title}, against ${UNITS[figure.unit].quantity}. The slider below reads it.`);
    const [low, high] = figure.ends;
    Object.assign(this.slider, { min: low, max: high, step: stepOf(high - low) });
    this.#draw();
  }

  #draw() {
    const width = this.container.clientWidth;
    if (!this.figure || !width) return;
    const height = this.container.clientHeight || 400;
    this.drawn = drawFigure(this.figure, { width, height, colours: palette() });
    this.overlay = draw("g", { class: "cursor" });
    this.drawn.svg.append(this.overlay);
    this.drawn.svg.setAttribute("aria-hidden", "true");
    this.container.replaceChildren(this.drawn.svg);
    this.#read(Math.min(Math.max(this.energy, this.figure.ends[0]), this.figure.ends[1]));
  }

  #listen() {
    let from = null;
    const inside = (event) => {
      const { left } = this.container.getBoundingClientRect();
      return Math.min(Math.max(event.clientX - left, this.drawn.plot.left), this.drawn.plot.right);
    };
    this.container.addEventListener("pointerdown", (event) => {
      if (!this.drawn || event.button !== 0) return;
      if (event.pointerType === "mouse") {
        from = inside(event);
        this.container.setPointerCapture(event.pointerId);
      } else this.#read(this.drawn.across.energyAt(inside(event)));
    });
    this.container.addEventListener("pointermove", (event) => {
      if (!this.drawn) return;
      if (from === null) this.#read(this.drawn.across.energyAt(inside(event)));
      else this.#select(from, inside(event));
    });
    this.container.addEventListener("pointerup", (event) => {
      if (from === null || !this.drawn) return;
      const [start, end] = [from, inside(event)];
      from = null;
      if (Math.abs(end - start) < LEAST_DRAG) return this.#read(this.drawn.across.energyAt(end));
      this.onZoom([start, end].map(this.drawn.across.energyAt).sort((a, b) => a - b));
    });
    this.container.addEventListener("pointercancel", () => { from = null; });
    this.container.addEventListener("dblclick", () => this.figure && this.onZoom(null));
  }

  #zoomByKey(event) {
    if (!this.figure || event.ctrlKey || event.metaKey) return;
    if (event.key === "0" || event.key === "Escape") this.onZoom(null);
    else if (event.key === "+" || event.key === "=" || event.key === "-") {
      const [low, high] = this.figure.ends;
      const factor = event.key === "-" ? 1 / ZOOM_STEP : ZOOM_STEP;
      this.onZoom([this.energy - (this.energy - low) * factor, this.energy + (high - this.energy) * factor]);
    } else return;
    event.preventDefault();
  }

  #select(start, end) {
    const { plot } = this.drawn;
    const { soft } = palette();
    this.overlay.replaceChildren(draw("rect", {
      x: Math.min(start, end), width: Math.abs(end - start), y: plot.top, height: plot.bottom - plot.top, fill: soft, opacity: 0.2,
    }));
  }

  /** Move the cursor to an energy and tell the values there. */
  #read(energy) {
    if (!this.drawn) return;
    this.energy = energy;
    this.slider.value = energy;
    const { plot, across, upward } = this.drawn;
    const colours = palette();
    const x = across.of(energy);
    const readings = this.figure.curves.map((curve) => ({ curve, value: at(curve, curve.values, energy) }));
    const dots = readings.filter(({ value }) => value !== null && upward.of(value) >= plot.top && upward.of(value) <= plot.bottom)
      .map(({ curve, value }) => draw("circle", { cx: x, cy: upward.of(value), r: 3.5, fill: colourOf(curve, colours), stroke: colours.page, "stroke-width": 1.5 }));
    this.overlay.replaceChildren(draw("line", { x1: x, x2: x, y1: plot.top, y2: plot.bottom, stroke: colours.soft, "stroke-dasharray": "3 3" }), ...dots);
    this.#tell(energy, readings, colours);
  }

  #tell(energy, readings, colours) {
    const { unit } = this.figure;
    const place = unit === "eV"
      ? `${short(energy, 3)} eV${energy > 0 ? ` · ${short(nanometres(energy), 3)} nm` : ""}`
      : `${short(UNITS[unit].fromEv(energy), 4)} ${UNITS[unit].label} · ${short(energy, 3)} eV`;
    const values = readings.map(({ curve, value }) => {
      const key = make("i", { className: curve.marks ? "mark" : "key" });
      key.style.color = colourOf(curve, colours);
      if (curve.filled) key.style.background = "currentcolor";
      if (curve.dash) key.style.borderTopStyle = "dashed";
      const ends = curve.lower && value !== null ? interval(at(curve, curve.lower, energy), at(curve, curve.upper, energy)) : "";
      return make("span", {}, key, `${curve.label} `, make("b", {}, short(value)), ...(ends ? [make("small", {}, ` ${ends}`)] : []));
    });
    this.readout.replaceChildren(make("span", { className: "place" }, place), ...values);
    this.slider.setAttribute("aria-valuetext", place);
  }

  /** Return the chart with its title as an SVG file, in the colours of a scheme. */
  file(scheme) {
    const { svg } = drawFigure(this.figure, { ...EXPORTED, colours: PALETTES[scheme], titled: true });
    return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  }

  /** Return the chart with its title as a PNG of two pixels a point, in the colours of a scheme. */
  async picture(scheme) {
    const url = URL.createObjectURL(this.file(scheme));
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = make("canvas", { width: 2 * EXPORTED.width, height: 2 * EXPORTED.height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

/** Return the largest round step that divides a span into 400 or more. */
function stepOf(span) {
  const power = 10 ** Math.floor(Math.log10(span / 400));
  return Number((([5, 2, 1].find((factor) => factor * power <= span / 400) ?? 1) * power).toPrecision(3));
}

/** Return values at an energy, linear between the points of a curve; null outside. */
export function at({ energies }, values, energy) {
  const last = energies.length - 1;
  if (energy < energies[0] - 1e-9 || energy > energies[last] + 1e-9) return null;
  let below = 0, above = last;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (energies[middle] <= energy + 1e-9) below = middle;
    else above = middle;
  }
  const share = Math.min(Math.max((energy - energies[below]) / (energies[above] - energies[below]), 0), 1);
  return values[below] + share * (values[above] - values[below]);
}

