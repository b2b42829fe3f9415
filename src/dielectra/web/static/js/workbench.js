// What is on the workbench: the crystals that are open, the one in focus, and how they are shown. The address bar follows.

import { Chart } from "./chart.js";
import { curvesOf } from "./curves.js";
import { makeDerivedTabs, positions, restore } from "./derived.js";
import { button, byId, debounced, make } from "./dom.js";
import { showGlance } from "./glance.js";
import { openSource, withLevel } from "./library.js";
import { readFragment, writeFragment } from "./link.js";
import { titleOf } from "./measured.js";
import { palette } from "./palette.js";
import { COMPONENTS, QUANTITIES } from "./quantities.js";
import { drawCrystal, showKey, tabulateCrystal } from "./structure.js";
import { makeTabs } from "./tabs.js";
import { showTrust } from "./trust.js";
import { UNITS, VISIBLE } from "./units.js";

const MOST_CRYSTALS = 8;
const PAUSE = 300; // milliseconds before the address bar follows a slider
export const state = {
  service: null, allLevels: [], crystals: [], focus: 0, comparing: false, opened: 0, refused: null,
  view: { tab: "index", level: null, all: false, unit: "eV", ends: null, logarithmic: null, components: "mean", part: "both" },
};
const DEFAULTS = { ...state.view };

export const focused = () => state.crystals[state.focus];
export const entry = () => focused()?.entries[state.view.level];
const quantity = () => QUANTITIES.find(({ id }) => id === state.view.tab);

export const chart = new Chart(byId("chart"), byId("cursor"), byId("readout"), zoom);
const context = {
  entry, broadening: () => state.service.broadening_ev, draw: drawFigure, fail: tellProblem, succeed: () => tellProblem(null),
  changed: debounced(() => follow(false), PAUSE),
};
const derivedTabs = makeDerivedTabs(context);
const markTab = makeTabs(byId("tabs"), byId("panel"), [...QUANTITIES, ...derivedTabs], (tab) => change({ tab, logarithmic: null }));

export function tellProblem(error) {
  byId("problem").hidden = !error;
  byId("problem").textContent = error ? error.message : "";
  const { refused } = state;
  state.refused = null;
  if (error && refused && /allow metals/.test(error.message)) {
    byId("problem").append(" ", button("Predict anyway", () => attempt(() => open(refused, { metals: true }))));
  }
}

/** Do something that may fail, and tell what went wrong. */
export async function attempt(action) {
  tellProblem(null);
  byId("result").setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    tellProblem(error);
  } finally {
    byId("result").setAttribute("aria-busy", "false");
  }
}

/** Open a source of library.js, in place of what is shown or, while comparing, beside it. */
export async function open(source, { name = null, metals = false } = {}) {
  const opened = ++state.opened;
  byId("status").textContent = "predicting";
  state.refused = source;
  const record = await openSource(source, state.view.level, state.service.examples, metals);
  state.refused = null;
  if (opened !== state.opened) return;
  if (name) record.name = name;
  const others = state.comparing ? state.crystals.filter((one) => one !== record) : [];
  if (others.length >= MOST_CRYSTALS) throw new Error(`${MOST_CRYSTALS} crystals fit on the chart; take one off first.`);
  state.crystals = [...others, record];
  state.focus = others.length;
  document.body.classList.add("loaded");
  await show();
  follow(true);
  byId("status").textContent = `${record.crystal.formula} is shown`;
}

/** Change how things are shown; `push` makes a step that Back undoes. */
export const change = (patch, push = true) => attempt(async () => {
  const before = state.view;
  state.view = { ...state.view, ...patch };
  try {
    await show();
  } catch (error) {
    state.view = before;
    await show();
    throw error;
  }
  if (state.crystals.length) follow(push);
});

function zoom(ends) {
  if (!ends) return change({ ends: null });
  const [low, high] = ends.map((energy) => Math.min(Math.max(energy, 0), 20));
  if (high - low > 0.01) change({ ends: [low, high].map((energy) => Number(energy.toPrecision(4))) });
}

/** Return the ends of the axis in eV. */
const endsShown = () => state.view.ends ?? UNITS[state.view.unit].ends;

/** Show everything as the state has it; predict first what is missing. */
async function show() {
  if (!focused()) return showOptions();
  const levels = state.view.all ? state.allLevels : [state.view.level];
  const problems = [];
  await Promise.all(state.crystals.flatMap((record) => levels.map((level) => withLevel(record, level).catch((error) => {
    if (level === state.view.level) throw error;
    problems.push(error);
  }))));
  const record = focused();
  showOptions();
  showChips();
  showGlance(record, entry(), state.service);
  if (byId("viewer").shown !== record) {
    byId("viewer").shown = record;
    drawCrystal(byId("viewer"), record.crystal);
    byId("viewer-hint").hidden = byId("viewer").classList.contains("none");
    showKey(byId("key"), record.crystal);
    tabulateCrystal(byId("atoms"), record.crystal);
  }
  showMeasured(record);
  showTab(levels);
  showTrust(record, entry(), (id) => attempt(() => open(["id", id])));
  if (problems.length) throw problems[0];
}

function showOptions() {
  const { view } = state;
  markTab(view.tab);
  const property = derivedTabs.find(({ id }) => id === view.tab);
  byId("stage").className = property ? (property.drawsChart ? "beside" : "alone") : "";
  const chosen = document.querySelector(`#levels input[value="${CSS.escape(view.level)}"]`);
  if (chosen) chosen.checked = true;
  byId("all-levels").checked = view.all;
  byId("all-levels").parentElement.hidden = Boolean(property) || state.allLevels.length < 2;
  byId("components").value = view.components;
  byId("logarithmic").parentElement.hidden = Boolean(property);
  const isotropic = state.crystals.every(({ entries }) => Object.values(entries).every(({ eps2 }) => !eps2.xx));
  byId("components").parentElement.hidden = Boolean(property) || isotropic;
  byId("part-choice").hidden = !quantity()?.names;
  byId("part").replaceChildren(...(quantity()?.names ?? []).map((text, index) => make("option", { value: index ? index - 1 : "both" }, text)));
  byId("part").value = view.part;
  byId("logarithmic").checked = isLogarithmic();
  byId("range-choice").hidden = Boolean(property) && !property.drawsChart;
  byId("unit").value = view.unit;
  const { fromEv } = UNITS[view.unit];
  const ends = endsShown().map((energy) => Number(fromEv(energy).toPrecision(4))).sort((a, b) => a - b);
  [byId("from").value, byId("to").value] = ends;
  byId("reset").disabled = view.ends === null;
}

const isLogarithmic = () => state.view.logarithmic ?? Boolean(quantity()?.logarithmic);

function showTab(levels) {
  derivedTabs.forEach((tab) => tab.close());
  const property = derivedTabs.find(({ id }) => id === state.view.tab);
  const drawn = !property || property.drawsChart;
  for (const id of ["download-svg", "download-png", "download-png-other"]) byId(id).disabled = !drawn;
  if (!drawn) chart.clear();
  if (property) {
    if (byId("controls").shown !== property) property.open(byId("controls"));
    byId("controls").shown = property;
    property.update();
    return;
  }
  byId("controls").replaceChildren();
  byId("controls").shown = null;
  const curves = curvesOf(quantity(), state.crystals, { ...state.view, levels });
  drawFigure({ label: quantity().label, subject: quantity().label.replace(/ \(.*\)/, ""), curves });
}

/** Draw curves on the chart as unit, range and scale are chosen; `covered` are the energies that there are. */
function drawFigure({ label, subject, curves, covered = [0, Infinity] }) {
  const [low, high] = endsShown();
  const ends = [Math.max(low, covered[0]), Math.min(high, covered[1])];
  const names = state.crystals.map(({ title }) => title).join(", ");
  chart.show({
    title: `${names}: ${subject}${state.view.all ? "" : ` (${state.view.level.toUpperCase()})`}`, yLabel: label, unit: state.view.unit,
    ends: ends[0] < ends[1] ? ends : covered, logarithmic: quantity() ? isLogarithmic() : false, curves,
  });
}

function showChips() {
  const many = state.crystals.length > 1;
  byId("chips").hidden = !many;
  byId("chips").replaceChildren(...state.crystals.map((record, index) => {
    const dot = make("i");
    dot.style.color = palette().series[index % palette().series.length];
    const choose = button(record.title, () => { state.focus = index; change({}); }, { "aria-pressed": null, title: `Numbers and structure of ${record.title}` });
    choose.removeAttribute("aria-pressed");
    if (many) choose.prepend(dot);
    const remove = button("×", () => take(index), { className: "remove", "aria-label": `Take ${record.title} off the chart` });
    const item = make("li", { className: many && index === state.focus ? "focused" : "" }, choose, ...(many ? [remove] : []));
    if (index === state.focus) choose.setAttribute("aria-current", "true");
    return item;
  }));
  byId("compare").setAttribute("aria-pressed", String(state.comparing));
}

function take(index) {
  state.crystals = state.crystals.filter((_, place) => place !== index);
  state.focus = Math.min(state.focus, state.crystals.length - 1);
  change({});
}

/** Let the next crystals come beside those that are shown, or in their place. */
export function compare() {
  state.comparing = !state.comparing;
  byId("compare").setAttribute("aria-pressed", String(state.comparing));
  byId("status").textContent = state.comparing ? "the next crystals are added to these" : "the next crystal takes the place of these";
  if (state.comparing) byId("query").focus();
}

function showMeasured(record) {
  byId("measured-choice").hidden = record.measured.length === 0 || !quantity();
  byId("measured-count").textContent = `(${record.measuredShown.size} of ${record.measured.length} shown)`;
  byId("measured").replaceChildren(...record.measured.map((one, place) => {
    const box = make("input", { type: "checkbox", checked: record.measuredShown.has(place) });
    box.addEventListener("change", () => {
      record.measuredShown[box.checked ? "add" : "delete"](place);
      change({});
    });
    return make("li", {}, make("label", {}, box, ` ${titleOf(one)}: `, make("small", {}, one.reference)));
  }));
}

/** Write what is shown into the address bar. */
function follow(push) {
  const fragment = writeFragment(state.crystals, settings(), positions(derivedTabs));
  byId("copy-link").disabled = fragment === null;
  byId("link-note").textContent = fragment === null ? "too many atoms for a link" : "";
  const address = fragment ?? location.pathname;
  if (fragment === location.hash) return;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

function settings() {
  const { tab, level, all, unit, ends, logarithmic, components, part } = state.view;
  return {
    tab, level, all: all ? 1 : null, unit: unit === DEFAULTS.unit ? null : unit, range: ends ? ends.join(":") : null,
    log: logarithmic === null ? null : Number(logarithmic), components: components === DEFAULTS.components ? null : components,
    part: part === DEFAULTS.part ? null : part, focus: state.focus || null, compare: state.comparing ? 1 : null,
    metals: state.crystals.some(({ metals }) => metals) ? 1 : null,
  };
}

/** Show what the fragment of the URL asks for; without one, the first example. */
export async function openFragment() {
  const asked = readFragment(location.hash);
  const { tab, level, all, unit, range, log, components, part, focus, compare: comparing, metals } = asked.settings;
  const ends = range?.split(":").map(Number);
  state.view = {
    tab: [...QUANTITIES, ...derivedTabs].some(({ id }) => id === tab) ? tab : DEFAULTS.tab,
    level: state.allLevels.includes(level) ? level : state.service.level,
    all: all === "1", unit: unit in UNITS ? unit : DEFAULTS.unit, logarithmic: log === undefined ? null : log === "1",
    ends: ends?.length === 2 && ends.every(Number.isFinite) && ends[0] < ends[1] ? ends : null,
    components: components in COMPONENTS ? components : DEFAULTS.components, part: ["0", "1"].includes(part) ? part : DEFAULTS.part,
  };
  restore(derivedTabs, asked.sliders);
  state.comparing = comparing === "1";
  const first = state.service.examples[0].file.replace(".cif", "");
  const sources = asked.sources.length ? asked.sources.slice(0, MOST_CRYSTALS) : [["example", first]];
  const opened = ++state.opened;
  const records = await Promise.all(sources.map((source) => openSource(source, state.view.level, state.service.examples, metals === "1")));
  if (opened !== state.opened) return;
  records.forEach((record, place) => {
    if (asked.sources.length) record.measuredShown = new Set(asked.measured[place] ?? (record.measured.length ? [0] : []));
  });
  state.crystals = [...new Set(records)];
  state.focus = Math.min(Number(focus) || 0, state.crystals.length - 1);
  if (asked.sources.length) document.body.classList.add("loaded");
  await show();
  byId("copy-link").disabled = false;
  byId("status").textContent = `${focused().crystal.formula} is shown`;
}

export const showVisible = () => change({ ends: VISIBLE.map((energy) => Number(energy.toPrecision(4))) });
