// Curves against photon energy, drawn by uPlot in the colours of the style sheet.

import { make, short } from "./dom.js";

const HC = 1239.84198; // eV nm
const DASHES = [[], [8, 5], [2, 4]];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * A chart in a container with a slider that moves its cursor and a list that reads it.
 *
 * `show({title, label, curves, measured, logarithmic, range})` draws; a curve is `{label, energies, values}`.
 */
export class Chart {
  constructor(container, slider, readout) {
    Object.assign(this, { container, slider, readout, plot: null, shown: null });
    slider.addEventListener("input", () => this.#read(Number(slider.value)));
    new ResizeObserver(() => this.#resize()).observe(container);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.shown && this.show(this.shown));
  }

  clear() {
    this.plot?.destroy();
    this.plot = this.shown = null;
    this.container.replaceChildren();
  }

  show(shown) {
    this.plot?.destroy();
    this.shown = shown;
    const all = [...shown.curves, ...shown.measured];
    const floor = shown.logarithmic ? (value) => (value > 0 ? value : null) : (value) => value;
    const data = uPlot.join(all.map((curve) => [curve.energies, curve.values.map(floor)]));
    this.container.setAttribute("aria-label", `${shown.title}: ${shown.label} against photon energy. The slider reads it.`);
    this.plot = new uPlot(this.#options(shown), data, this.container);
    this.plot.root.setAttribute("aria-hidden", "true");
    this.#fitSlider();
  }

  #options({ curves, measured, label, logarithmic, range }) {
    const lines = curves.map((curve, index) => ({
      label: curve.label, stroke: colour(`--series-${index + 1}`), width: 2, dash: DASHES[index],
      points: { show: false },
    }));
    const marks = measured.map((curve, index) => ({
      label: curve.label, stroke: colour("--measured"), width: 1, dash: [2, 3],
      points: { show: true, size: curve.energies.length > 150 ? 3 : 5, fill: index ? colour("--card") : colour("--measured") },
    }));
    const axis = { stroke: colour("--ink"), grid: { stroke: colour("--grid") }, ticks: { stroke: colour("--grid") } };
    const [low, high] = range;
    return {
      width: this.container.clientWidth, height: this.container.clientHeight || 352,
      scales: {
        x: { time: false, range: () => [low, high] },
        y: logarithmic ? { distr: 3, range: (_, least, most) => [Math.max(least, 1e2, most / 1e5), most * 1.5] } : { range: (_, least, most) => limits(least, most) },
      },
      series: [{ label: "eV" }, ...lines, ...marks],
      axes: [
        { ...axis, label: "photon energy (eV)" },
        { ...axis, label, size: 70, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : logarithmic ? power(tick) : short(tick))) },
      ],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, focus: { prox: -1 } },
      hooks: { setCursor: [(plot) => plot.cursor.event && plot.cursor.left >= 0 && this.#hover(plot)] },
    };
  }

  #fitSlider() {
    const [low, high] = this.shown.range;
    const { energies } = this.shown.curves[0];
    const step = energies[1] - energies[0];
    Object.assign(this.slider, { min: low, max: high, step: Number(step.toFixed(6)) });
    const plot = this.plot;
    queueMicrotask(() => plot === this.plot && this.#read(Number(this.slider.value))); // once uPlot knows its scales
  }

  #hover(plot) {
    const energy = plot.posToVal(plot.cursor.left, "x");
    this.slider.value = energy;
    this.#tell(Number(this.slider.value));
  }

  #read(energy) {
    this.plot.setCursor({ left: this.plot.valToPos(energy, "x"), top: this.plot.over.clientHeight / 2 });
    this.#tell(energy);
  }

  #tell(energy) {
    const keys = [...this.shown.curves.map((_, index) => `key key-${index + 1}`), ...this.shown.measured.map((_, index) => `mark mark-${index + 1}`)];
    const values = [...this.shown.curves, ...this.shown.measured].map((curve, index) =>
      make("span", {}, make("i", { className: keys[index] }), `${curve.label} ${short(at(curve, energy))}`));
    const wavelength = energy > 0 ? ` (${short(HC / energy, 3)} nm)` : "";
    this.readout.replaceChildren(make("span", {}, `${short(energy)} eV${wavelength}`), ...values);
    this.slider.setAttribute("aria-valuetext", `${short(energy)} electronvolt`);
  }

  #resize() {
    if (this.plot && this.container.clientWidth) {
      this.plot.setSize({ width: this.container.clientWidth, height: this.container.clientHeight || 352 });
    }
  }

  /** Return the chart with its title and keys as a PNG. */
  picture() {
    const source = this.plot.ctx.canvas;
    const scale = devicePixelRatio || 1;
    const head = 56 * scale;
    const canvas = make("canvas", { width: source.width, height: source.height + head });
    const context = canvas.getContext("2d");
    context.fillStyle = colour("--card");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, head);
    context.fillStyle = colour("--ink");
    context.font = `600 ${15 * scale}px system-ui, sans-serif`;
    context.fillText(this.shown.title, 12 * scale, 22 * scale);
    context.font = `${13 * scale}px system-ui, sans-serif`;
    let left = 12 * scale;
    for (const series of this.plot.series.slice(1)) {
      context.strokeStyle = series.stroke();
      context.lineWidth = 2 * scale;
      context.setLineDash((series.dash ?? []).map((length) => length * scale));
      context.beginPath();
      context.moveTo(left, 41 * scale);
      context.lineTo(left + 26 * scale, 41 * scale);
      context.stroke();
      context.fillText(series.label, left + 32 * scale, 45 * scale);
      left += 52 * scale + context.measureText(series.label).width;
    }
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}

/** Return a curve's value at an energy, linear between its points; null outside. */
function at({ energies, values }, energy) {
  const last = energies.length - 1;
  if (energy < energies[0] - 1e-9 || energy > energies[last] + 1e-9) return null;
  const above = Math.max(1, energies.findIndex((value) => value >= energy - 1e-9));
  const share = (energy - energies[above - 1]) / (energies[above] - energies[above - 1]);
  return values[above - 1] + share * (values[above] - values[above - 1]);
}

function limits(least, most) {
  const low = Math.min(0, least), high = Math.max(most, low + 1e-6);
  const margin = 0.05 * (high - low);
  return [low < 0 ? low - margin : 0, high + margin];
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (value) => `10${String(Math.round(Math.log10(value))).replace(/\d/g, (digit) => SUPERSCRIPTS[digit])}`;
