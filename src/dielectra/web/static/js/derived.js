// The tabs with controls: colour, solar cell, film stack. The server computes; the page asks and shows.

import { debounced, define, defineFigures, interval, make, plain, short } from "./dom.js";
import { strip, variesIn } from "./swatch.js";
import { derived } from "./server.js";

const PAUSE = 60; // milliseconds
const percent = (value) => `${(100 * value).toFixed(1)} %`;

/** Return the mean of a prediction as the API takes it. */
export const spectrumOf = ({ energy_ev, eps1, eps2, level, gap_ev, gap_direct_ev, ensemble }, broadening) => ({
  energy_ev, eps1: eps1.mean, eps2: eps2.mean, level, broadening_ev: broadening[level], gap_ev, gap_direct_ev, ensemble,
});

/** A slider with its value beside it; `scale` turns its position into the value. */
function slider(id, title, unit, { min, max, step, value, scale = (position) => position }) {
  const input = make("input", { id, type: "range", min, max, step, value });
  const output = make("output", { htmlFor: id });
  const read = () => scale(Number(input.value));
  const tell = () => {
    output.textContent = `${short(read(), 3)} ${unit}`;
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", tell);
  tell();
  return { element: make("div", {}, make("label", { htmlFor: id }, `${title}: `, output), input), read, input, initial: `${value}` };
}

function choice(id, title, options) {
  const input = make("select", { id }, ...Object.entries(options).map(([value, text]) => make("option", { value }, text)));
  return { element: make("label", {}, title, input), read: () => input.value, input, initial: input.value };
}

function optionalNumber(id, title, properties) {
  const input = make("input", { id, type: "number", ...properties });
  return { element: make("label", {}, title, input), read: () => (input.value === "" ? null : Number(input.value)), input, initial: "" };
}

/** Return the ends of the interval of a number of an answer; undefined where it has none. */
const ends = ({ interval: around }, key) => around?.[key] && [around[key].lower, around[key].upper];

/** Return a number with its interval, and more words, in small type below. */
const withInterval = (text, around, ...more) =>
  make("span", {}, make("b", {}, text), ...[around ? interval(...around) : "", ...more].filter(Boolean).map((words) => make("small", {}, words)));

const decades = (position) => Number((10 ** position).toPrecision(2));
const thickness = (id, title, value) => slider(id, title, "nm", { min: 0.5, max: 5, step: 0.01, value: Number(Math.log10(value).toFixed(2)), scale: decades });

function colourTab() {
  const film = thickness("colour-thickness", "Film thickness", 500);
  const light = choice("illuminant", "Light", { D65: "daylight (D65)", A: "incandescent lamp (A)", E: "equal energy (E)" });
  const shown = ["bulk", "film", "body"].map((name) => ({ name, patch: make("div", { className: "patch", id: `swatch-${name}` }), list: make("dl", { id: `colour-${name}` }) }));
  const titles = { bulk: "Polished crystal, reflected light", film: "Film in air, transmitted light", body: "The same path inside, by absorption alone" };
  const swatches = make("div", { className: "wide swatches" }, ...shown.map(({ name, patch, list }) => make("div", {}, titles[name], patch, list)));
  return {
    id: "colour", title: "Colour", controls: [film, light], results: [swatches],
    request: () => ({ thickness_nm: film.read(), illuminant: light.read() }),
    show(answer) {
      for (const { name, patch, list } of shown) {
        const { hex, lab, in_gamut: inGamut, name: called, interval: around, hex_by_gap: byGap } = answer[name];
        patch.style.backgroundColor = hex;
        const lightness = lab.map((value, place) => withInterval(plain(value, 1), around?.lab && [around.lab.lower[place], around.lab.upper[place]]));
        define(list, [
          ...(called ? [["name", called]] : []), ["sRGB", inGamut ? hex : `${hex} (clipped)`],
          ["L*", lightness[0]], ["a*", lightness[1]], ["b*", lightness[2]],
          ...(variesIn(byGap) ? [["if the gap is off", strip(byGap)]] : []),
        ]);
      }
    },
  };
}

function solarTab() {
  const film = thickness("solar-thickness", "Film thickness", 500);
  const temperature = slider("temperature", "Temperature", "K", { min: 200, max: 400, step: 1, value: 293 });
  const gaps = { min: 0.1, max: 10, step: 0.01 };
  const direct = optionalNumber("gap-direct", "Direct gap (eV), if you know it", { ...gaps, placeholder: "as predicted" });
  const indirect = optionalNumber("gap-indirect", "Indirect gap (eV), if it is smaller", { ...gaps, placeholder: "as predicted" });
  const list = make("dl", { id: "solar-results", className: "wide figures" });
  return {
    id: "solar", title: "Solar", controls: [film, temperature, direct, indirect], results: [list],
    request: () => ({ thickness_nm: film.read(), temperature_k: temperature.read(), gap_direct_ev: direct.read(), gap_indirect_ev: indirect.read() }),
    show(answer) {
      const told = (key, text, ...more) => withInterval(text, ends(answer, key), ...more);
      const share = (key) => withInterval(percent(answer[key]), ends(answer, key)?.map((end) => 100 * end));
      defineFigures(list, [
        ["efficiency of the film (SLME)", share("slme")],
        ["if it absorbed all above its gap", share("spectroscopic_limit")],
        ["short-circuit current", told("short_circuit_current_ma_per_cm2", `${short(answer.short_circuit_current_ma_per_cm2, 3)} mA/cm²`)],
        ["open-circuit voltage", told("open_circuit_voltage_v", `${short(answer.open_circuit_voltage_v, 3)} V`)],
        ["direct gap", told("gap_direct_ev", `${short(answer.gap_direct_ev, 3)} eV`, answer.gap_direct_source)],
        ["fundamental gap", told("gap_indirect_ev", `${short(answer.gap_indirect_ev, 3)} eV`, answer.gap_indirect_source)],
      ]);
    },
  };
}

const AIR = { n: 1 };
const GLASS = { n: 1.52 };
const SUBSTRATES = {
  none: { title: "none: the film stands free", layers: [], exit_index: AIR },
  glass: { title: "glass, 1 mm, both faces", layers: [{ thickness_nm: 1e6, index: GLASS, coherent: false }], exit_index: AIR },
  crystal: { title: "the crystal itself, without end", layers: [], exit_index: null },
};

function stackTab(context) {
  const coat = slider("coat-thickness", "Coating thickness", "nm", { min: 0, max: 500, step: 1, value: 0 });
  const index = slider("coat-index", "Index of the coating", "", { min: 1, max: 3, step: 0.01, value: 1.38 });
  const film = slider("film-thickness", "Film of the crystal", "nm", { min: 0, max: 2000, step: 1, value: 300 });
  const angle = slider("angle", "Angle of incidence", "°", { min: 0, max: 89, step: 1, value: 0 });
  const field = choice("polarisation", "Polarisation", { unpolarised: "unpolarised", s: "s", p: "p" });
  const substrate = choice("substrate", "Substrate", Object.fromEntries(Object.entries(SUBSTRATES).map(([key, { title }]) => [key, title])));
  return {
    id: "stack", title: "Film stack", controls: [coat, index, film, angle, field, substrate], results: [], drawsChart: true,
    request() {
      const { layers, exit_index: exit } = SUBSTRATES[substrate.read()];
      const coating = { thickness_nm: coat.read(), index: { n: index.read() } };
      return { layers: [coating, { thickness_nm: film.read() }, ...layers], exit_index: exit, angle_degrees: angle.read(), polarisation: field.read() };
    },
    show(answer) {
      const names = { reflectance: "reflected", transmittance: "transmitted", absorptance: "absorbed" };
      const curves = Object.entries(names).map(([key, label], hue) => {
        const around = answer.interval?.[key];
        return { label, hue, energies: answer.energy_ev, values: answer[key][0], ...(around ? { lower: around.lower[0], upper: around.upper[0] } : {}) };
      });
      context.draw({ label: "fraction of the light", subject: "film stack", curves, covered: [answer.energy_ev[0], answer.energy_ev.at(-1)] });
    },
  };
}

/**
 * Make the three tabs. `context` has `entry()`, the prediction shown, `broadening()` by level, `draw(curves)`, `changed()`,
 * `fail(error)` and `succeed()`. Each tab can `open(container)` its controls and ask anew with `update()`.
 */
export function makeDerivedTabs(context) {
  return [colourTab(), solarTab(), stackTab(context)].map((tab) => {
    let asking = null;
    const group = make("div", { className: "controls" }, ...tab.controls.map(({ element }) => element), ...tab.results);
    async function update() {
      asking?.abort();
      const current = asking = new AbortController();
      try {
        const answer = await derived(tab.id, { spectrum: spectrumOf(context.entry(), context.broadening()), ...tab.request() }, current.signal);
        if (group.isConnected && !current.signal.aborted) {
          tab.show(answer);
          context.succeed();
        }
      } catch (error) {
        if (error.name !== "AbortError") context.fail(error);
      }
    }
    const soon = debounced(update, PAUSE);
    group.addEventListener("input", () => { soon(); context.changed(); });
    return {
      id: tab.id, title: tab.title, drawsChart: Boolean(tab.drawsChart), update, controls: tab.controls,
      open: (container) => container.replaceChildren(group), close: () => asking?.abort(),
    };
  });
}

/** Return the positions of all controls that were moved, by id. */
export const positions = (tabs) => Object.fromEntries(tabs.flatMap(({ controls }) =>
  controls.filter(({ input, initial }) => input.value !== initial).map(({ input }) => [input.id, input.value])));

/** Put all controls where a link has them; the others where they began. */
export function restore(tabs, wanted) {
  for (const { input, initial } of tabs.flatMap(({ controls }) => controls)) {
    const before = input.value;
    input.value = wanted[input.id] ?? initial;
    if (input.value !== before) input.dispatchEvent(new Event("input")); // does not bubble: the value beside it only
  }
}
