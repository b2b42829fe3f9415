// The page: what is open, at which level, in which tab; everything else is asked from the modules.

import { runBatch } from "./batch.js";
import { Chart } from "./chart.js";
import { makeDerivedTabs } from "./derived.js";
import { byId, define, make, short } from "./dom.js";
import { save, stem } from "./download.js";
import { fragmentOf, readFragment, structureFile } from "./link.js";
import { curvesOf, QUANTITIES } from "./quantities.js";
import * as server from "./server.js";
import { drawCrystal, tabulateCrystal } from "./structure.js";
import { makeTabs } from "./tabs.js";

const state = { level: null, tab: "eps", source: null, entries: {}, measured: [], opened: 0 };
const chart = new Chart(byId("chart"), byId("cursor"), byId("readout"));
const entry = () => state.entries[state.level];
const context = {
  entry,
  broadening: () => state.service.broadening_ev,
  title: (property) => `${entry().formula}, ${state.level.toUpperCase()}: ${property}`,
  range: () => byId("range").value.split(" ").map(Number),
  fail: tellProblem,
  succeed: () => tellProblem(null),
};
const derivedTabs = makeDerivedTabs(chart, context);
const chooseTab = makeTabs(byId("tabs"), byId("panel"), [...QUANTITIES, ...derivedTabs], showTab);

function tellProblem(error) {
  byId("problem").hidden = !error;
  byId("problem").textContent = error ? error.message : "";
}

/** Do something that may fail, and tell what went wrong. */
async function attempt(action) {
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

/** Open one structure file; a file of several crystals makes a table. */
async function openFile(file, example = null) {
  const opened = ++state.opened;
  byId("status").textContent = `predicting ${file.name}`;
  const [crystals, entries] = await Promise.all([server.structures(file), server.predict(file, state.level)]);
  if (opened !== state.opened) return;
  if (crystals.length > 1) {
    await runBatch([file], state.level, openEntry);
    return;
  }
  await show({ file, name: file.name, example, crystal: crystals[0] }, entries[0]);
}

/** Open a crystal of the table of a batch. */
const openEntry = (found, crystal) => attempt(async () => {
  state.opened += 1;
  await show({ file: structureFile(crystal), name: found.file, example: null, crystal }, found);
  byId("spectra").focus();
});

async function show(source, found) {
  const opened = state.opened;
  const measured = await server.measured(source.crystal.formula, source.crystal.space_group);
  if (opened !== state.opened) return;
  Object.assign(state, { source, entries: { [found.level]: found }, measured });
  setLevel(found.level);
  byId("result").hidden = false;
  const { crystal } = source;
  byId("formula").textContent = crystal.formula;
  drawCrystal(byId("viewer"), crystal);
  byId("viewer-hint").hidden = byId("viewer").classList.contains("none");
  tabulateCrystal(byId("atoms"), crystal);
  byId("measured-choice").hidden = measured.length === 0;
  byId("measured").replaceChildren(...measured.map((one, value) => make("option", { value }, titleOf(one))));
  showEntry();
  byId("status").textContent = `${crystal.formula} is shown`;
}

/** Return kind, axis, first author and year of a measured spectrum. */
function titleOf({ kind, polymorph, axis, reference }) {
  const author = reference.replace(/^\d+\)\s*/, "").split(/,| and /)[0];
  const year = reference.match(/\((\d{4})\)/)?.[1] ?? "";
  return [kind, polymorph, axis === "iso" ? "" : `axis ${axis}`, `${author} ${year}`].filter(Boolean).join(", ");
}

/** Show the prediction at the present level. */
function showEntry() {
  const { crystal, name } = state.source;
  const found = entry();
  define(byId("facts"), [
    ["file", name],
    ["space group", `${crystal.space_group_symbol} (${crystal.space_group})`],
    ["atoms in the cell", `${crystal.species.length}`],
    ["static ε", short(found.static_eps)],
    ["static n", short(found.n.mean[0])],
    ["model", found.model],
  ]);
  byId("warnings").replaceChildren(...found.warnings.map((text) => make("li", {}, text)));
  showTab(state.tab);
}

function showTab(id) {
  state.tab = id;
  if (!entry()) return; // nothing is open yet, or not at this level
  derivedTabs.forEach((tab) => tab.close());
  const property = derivedTabs.find((tab) => tab.id === id);
  const drawn = !property || property.drawsChart;
  byId("reader").hidden = byId("range-choice").hidden = byId("download-png").disabled = !drawn;
  byId("measured-choice").hidden = Boolean(property) || state.measured.length === 0;
  if (!drawn) chart.clear();
  if (property) {
    property.open(byId("controls"));
    property.update();
  } else {
    byId("controls").replaceChildren();
    showQuantity(QUANTITIES.find((quantity) => quantity.id === id));
  }
  const fragment = fragmentOf(state.source, { level: state.level, tab: id });
  history.replaceState(null, "", fragment ?? location.pathname);
  byId("copy-link").disabled = fragment === null;
  byId("link-note").textContent = fragment === null ? "too many atoms for a link" : "";
}

function showQuantity(quantity) {
  const measured = byId("measured-shown").checked ? state.measured[Number(byId("measured").value)] : null;
  byId("measured-source").textContent = measured ? measured.reference : "";
  const short = quantity.label.replace(/ \(.*\)/, "");
  chart.show({ title: context.title(short), range: context.range(), ...curvesOf(quantity, entry(), measured) });
}

function setLevel(level) {
  state.level = level;
  const button = document.querySelector(`#levels input[value="${CSS.escape(level)}"]`);
  if (button) button.checked = true;
}

const changeLevel = (level) => attempt(async () => {
  const before = state.level;
  const opened = state.opened;
  setLevel(level);
  if (!state.source) return;
  try {
    if (!entry()) {
      const [found] = await server.predict(state.source.file, level);
      if (opened !== state.opened) return;
      state.entries[level] = found;
    }
  } catch (error) {
    setLevel(before);
    throw error;
  }
  if (state.level === level) showEntry();
});

/** Open what a user dropped or chose. */
function openFiles(files) {
  if (files.length === 0) return;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  attempt(async () => {
    if (size > state.service.body_limit) throw new Error(`${(size / 2 ** 20).toFixed(1)} MiB are more than the ${state.service.body_limit / 2 ** 20} MiB that the server takes at a time.`);
    const many = files.length > 1 || /\.zip$/i.test(files[0].name);
    await (many ? runBatch(files, state.level, openEntry) : openFile(files[0]));
  });
}

async function openExample(name) {
  const found = state.service.examples.find(({ file }) => file === `${name}.cif`);
  if (!found) throw new Error(`There is no example ${name}.`);
  await openFile(new File([await server.text(found.url)], found.file), name);
}

/** Open what the fragment of the URL asks for. */
async function openFragment() {
  const asked = readFragment(location.hash);
  if (asked.level && byId("levels").querySelector(`[value="${CSS.escape(asked.level)}"]`)) setLevel(asked.level);
  if (asked.tab && document.getElementById(`tab-${asked.tab}`)) chooseTab(asked.tab);
  if (asked.file) await openFile(asked.file);
  else await openExample(asked.example ?? "MgO");
}

function listen() {
  const drop = byId("drop");
  const over = (event) => { event.preventDefault(); drop.classList.add("over"); };
  document.addEventListener("dragover", over);
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    openFiles([...event.dataTransfer.files]);
  });
  byId("file").addEventListener("change", (event) => {
    openFiles([...event.target.files]);
    event.target.value = "";
  });
  for (const id of ["range", "measured", "measured-shown"]) byId(id).addEventListener("change", () => showTab(state.tab));
  addEventListener("hashchange", () => attempt(openFragment));

  const name = () => `${stem(state.source.name)}-${state.level}`;
  byId("download-json").addEventListener("click", () => save(JSON.stringify([entry()]), `${name()}.json`, "application/json"));
  byId("download-csv").addEventListener("click", () => attempt(async () => save(await server.table(state.source.file, state.level), `${name()}.csv`)));
  byId("download-png").addEventListener("click", () => attempt(async () => save(await chart.picture(), `${name()}-${state.tab}.png`)));
  byId("copy-link").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      byId("link-note").textContent = "copied";
    } catch {
      byId("link-note").textContent = "the address bar holds the link";
    }
  });
}

async function start() {
  const [service, models] = await Promise.all([server.service(), server.models()]);
  state.service = service;
  byId("version").textContent = service.version;
  byId("model-note").textContent = models.map(({ name, trained_on: data }) => `${name}: trained on ${data}.`).join(" ");
  byId("levels").append(...models.map(({ level }) => {
    const radio = make("input", { type: "radio", name: "level", value: level });
    radio.addEventListener("change", () => changeLevel(level));
    return make("label", {}, radio, level.toUpperCase());
  }));
  setLevel(service.level);
  byId("examples").replaceChildren(...service.examples.map(({ file, title }) => {
    const name = file.replace(".cif", "");
    const button = make("button", { type: "button", title }, name);
    button.addEventListener("click", () => attempt(() => openExample(name)));
    return make("li", {}, button);
  }));
  chooseTab("eps");
  listen();
  await openFragment();
}

attempt(start);
