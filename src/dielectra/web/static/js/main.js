// The page: connects what the user does to the workbench.

import { listenToBatch, runBatch } from "./batch.js";
import { button, byId, flatFormula, make } from "./dom.js";
import { save, stem } from "./download.js";
import { listenToElements } from "./elements.js";
import { ManyCrystals } from "./library.js";
import { sourceOf, structureFile } from "./link.js";
import { listenToPaste } from "./paste.js";
import { onSchemeChange, schemeName } from "./palette.js";
import { COMPONENTS } from "./quantities.js";
import { listenToSearch } from "./search.js";
import * as server from "./server.js";
import { drawCrystal } from "./structure.js";
import { UNITS } from "./units.js";
import { attempt, change, chart, compare, entry, focused, open, openFragment, showVisible, state, tellProblem } from "./workbench.js";

const openId = (id) => attempt(() => open(["id", id]));

/** Open what a user dropped, chose or pasted. */
function openFiles(files) {
  if (files.length === 0) return;
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const limit = state.service.body_limit;
  attempt(async () => {
    if (size > limit) throw new Error(`${(size / 2 ** 20).toFixed(1)} MiB are more than the ${limit / 2 ** 20} MiB that the server takes at a time.`);
    if (files.length > 1 || /\.zip$/i.test(files[0].name)) return void runTable(files);
    try {
      await open(["file", files[0]]);
    } catch (error) {
      if (!(error instanceof ManyCrystals)) throw error;
      runTable(files);
    }
  });
}

/** Fill the table of a batch; what is shown below it stays at hand. */
function runTable(files) {
  document.body.classList.add("loaded");
  runBatch(files, state.view.level, openRow).catch(tellProblem);
}

/** Open a crystal of the table of a batch. */
const openRow = ({ file, crystal }) => attempt(async () => {
  const source = sourceOf({ crystal });
  await open(source ?? ["file", structureFile(crystal)], { name: file });
});

function listenToFiles() {
  const over = (on) => document.body.classList.toggle("over", on);
  document.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    openFiles([...event.dataTransfer.files]);
  });
  byId("file").addEventListener("change", (event) => {
    openFiles([...event.target.files]);
    event.target.value = "";
  });
}

function listenToOptions() {
  const onChange = (id, action) => byId(id).addEventListener("change", (event) => action(event.target));
  onChange("all-levels", ({ checked }) => change({ all: checked }));
  onChange("components", ({ value }) => change({ components: value }));
  onChange("part", ({ value }) => change({ part: value }));
  onChange("logarithmic", ({ checked }) => change({ logarithmic: checked }));
  onChange("unit", ({ value }) => change({ unit: value }));
  for (const id of ["from", "to"]) onChange(id, changeRange);
  byId("visible").addEventListener("click", showVisible);
  byId("reset").addEventListener("click", () => change({ ends: null }));
  byId("compare").addEventListener("click", compare);
}

function changeRange() {
  const { toEv } = UNITS[state.view.unit];
  const ends = [byId("from"), byId("to")].map(({ value }) => toEv(Number(value)));
  const [low, high] = ends.map((energy) => Math.min(Math.max(energy, 0), 20)).sort((a, b) => a - b);
  if (low < high) change({ ends: [low, high] });
}

/** Return a prediction as the command line prints it: without the members, which the page asked for. */
const published = ({ ensemble, ...rest }) => rest;

function listenToDownloads() {
  const name = () => `${stem(focused().name)}-${state.view.level}`;
  const picture = (scheme) => attempt(async () => save(await chart.picture(scheme), `${name()}-${state.view.tab}-${scheme}.png`));
  const other = () => (schemeName() === "dark" ? "light" : "dark");
  const label = () => {
    byId("download-png").textContent = `PNG ${schemeName()}`;
    byId("download-png-other").textContent = `PNG ${other()}`;
  };
  label();
  onSchemeChange(() => {
    label();
    if (focused()) drawCrystal(byId("viewer"), focused().crystal);
  });
  byId("download-json").addEventListener("click", () => save(JSON.stringify([published(entry())]), `${name()}.json`, "application/json"));
  byId("download-csv").addEventListener("click", () => attempt(async () => save(await server.table(focused().file, state.view.level, focused().metals), `${name()}.csv`)));
  byId("download-svg").addEventListener("click", () => save(chart.file(schemeName()), `${name()}-${state.view.tab}.svg`));
  byId("download-png").addEventListener("click", () => picture(schemeName()));
  byId("download-png-other").addEventListener("click", () => picture(other()));
  byId("copy-link").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      byId("link-note").textContent = "copied";
    } catch {
      byId("link-note").textContent = "the address bar holds the link";
    }
  });
}

function fillChoices(models) {
  byId("version").textContent = state.service.version;
  const notes = models.map(({ name, trained_on: data }) => `Model ${name}: ${/\d members/.test(data) ? "" : "trained on "}${data}.`);
  byId("model-note").textContent = [...new Set(notes)].join(" ");
  byId("levels").append(...state.allLevels.map((level) => {
    const radio = make("input", { type: "radio", name: "level", value: level });
    radio.addEventListener("change", () => change({ level }));
    return make("label", {}, radio, level.toUpperCase());
  }));
  byId("components").replaceChildren(...Object.entries(COMPONENTS).map(([value, text]) => make("option", { value }, text)));
  byId("unit").replaceChildren(...Object.entries(UNITS).map(([value, { label }]) => make("option", { value }, label)));
  byId("examples").replaceChildren(...state.service.examples.map(({ file, title }) => {
    const name = file.replace(".cif", "");
    return make("li", {}, button(flatFormula(name), () => attempt(() => open(["example", name])), { title }));
  }));
}

async function start() {
  const [service, models] = await Promise.all([server.service(), server.models()]);
  Object.assign(state, { service, allLevels: Object.keys(service.broadening_ev) });
  fillChoices(models);
  listenToFiles();
  listenToOptions();
  listenToDownloads();
  listenToSearch(openId);
  listenToElements(openId, attempt);
  listenToPaste(openFiles, tellProblem);
  listenToBatch(attempt);
  addEventListener("popstate", () => attempt(openFragment));
  await openFragment();
}

attempt(start);
