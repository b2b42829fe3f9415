// Many files at once: a table that fills line by line, sorts and filters, with a scatter plot of any two columns.

import { button, byId, debounced, flatFormula, formulaOf, interval, make, short } from "./dom.js";
import { csv, save } from "./download.js";
import { makeFilter } from "./filter.js";
import { confidenceMark } from "./glance.js";
import { Scatter } from "./scatter.js";
import { batch } from "./server.js";
import { swatch } from "./swatch.js";

const CONFIDENCES = ["low", "medium", "high"];
const number = (key, title, names, digits) => ({ key, title, names, value: (row) => row[key] ?? NaN, show: (row) => short(row[key], digits), cell: (row) => uncertain(row, key, digits), numeric: true });
const COLUMNS = [
  { key: "file", title: "file", value: (row) => row.file },
  { key: "formula", title: "formula", value: (row) => row.formula ?? "", show: (row) => (row.formula ? formulaOf(row.formula) : "") },
  number("space_group", "group", ["group", "space group"], 3),
  number("gap_ev", "gap (eV)", ["gap"], 3),
  number("eps_infinity", "ε∞", ["eps", "ε∞"], 3),
  number("n_589nm", "n (589 nm)", ["n"], 3),
  number("abbe_number", "Abbe", ["abbe"], 3),
  { key: "colour", title: "colour", value: (row) => row.colour ?? "", show: (row) => (row.colour ? swatch(row.colour, "light after 1 µm inside") : "–") },
  { key: "confidence", title: "confidence", value: (row) => CONFIDENCES.indexOf(row.confidence), show: (row) => (row.confidence ? confidenceMark(row.confidence) : "–") },
  { key: "warnings", title: "remarks", value: (row) => row.remarks.length, show: (row) => remarksOf(row) },
];
const NUMERIC = COLUMNS.filter(({ numeric }) => numeric);
const REDRAW = 150; // milliseconds
const PAGE = 60; // rows that are drawn at first, and more each time the table is scrolled to their end

const state = { rows: [], ordered: [], drawn: PAGE, order: "file", falling: null, running: null, files: [], level: null, open: null, chosen: null };
const scatter = new Scatter(byId("scatter"), (row) => mark(row), (row) => openRow(row));

/** Predict files and zips at a level; `open(row)` shows one crystal of the table. */
export async function runBatch(files, level, open) {
  state.running?.abort();
  const current = new AbortController();
  Object.assign(state, { rows: [], ordered: [], drawn: PAGE, files, level, open, running: current, falling: null, chosen: null });
  byId("batch-rows").replaceChildren();
  byId("batch").hidden = false;
  byId("batch").setAttribute("aria-busy", "true");
  byId("batch-stop").hidden = false;
  tell(0, 0);
  let done = 0, total = 0;
  try {
    for await (const line of batch(files, level, false, current.signal)) {
      if ("files" in line) total = line.files;
      else {
        done += 1;
        addLine(line);
      }
      tell(done, total);
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    if (state.running === current) byId("batch-count").textContent = `stopped after ${done} of ${total} files`;
  } finally {
    if (state.running === current) {
      byId("batch").setAttribute("aria-busy", "false");
      byId("batch-stop").hidden = true;
      arrange();
    }
  }
}

function tell(done, total) {
  Object.assign(byId("batch-progress"), { max: total || 1, value: done });
  byId("batch-count").textContent = total ? `${done} of ${total} files` : "sending";
}

function addLine(line) {
  const found = line.problem ? [{ file: line.file, refused: line.problem, warnings: "" }] : line.rows;
  found.forEach((numbers, index) => {
    const row = { ...numbers, crystal: line.structures?.[index], remarks: numbers.warnings ? numbers.warnings.split("; ") : [] };
    state.rows.push(row);
    if (state.falling !== null || byId("batch-filter").value) return;
    state.ordered.push(row);
    if (state.ordered.length <= state.drawn) byId("batch-rows").append(elementOf(row));
  });
  arrangeSoon();
}

/** Return the row of the table, which is drawn when it is first needed. */
const elementOf = (row) => row.element ??= drawRow(row);

function drawRow(row) {
  const name = row.refused ? row.file : button(row.file, (event) => { event.stopPropagation(); openRow(row); }, { title: row.file });
  const head = make("th", { scope: "row", className: "name" }, name);
  const cells = row.refused
    ? [make("td", { colSpan: COLUMNS.length - 1, className: "problem" }, row.refused)]
    : COLUMNS.slice(1).map((column) => make("td", {}, (column.cell ?? column.show)(row)));
  const element = make("tr", {}, head, ...cells);
  if (!row.refused) {
    element.addEventListener("click", ({ target }) => { if (!target.closest("details")) openRow(row); });
    element.addEventListener("pointerenter", () => scatter.choose(row));
    element.addEventListener("pointerleave", () => scatter.choose(state.chosen));
  }
  return element;
}

/** Return a number with half of its interval in small type behind it. */
function uncertain(row, key, digits) {
  const half = (row[`${key}_upper`] - row[`${key}_lower`]) / 2;
  if (!(half > 0)) return short(row[key], digits);
  return make("span", { title: interval(row[`${key}_lower`], row[`${key}_upper`]) }, short(row[key], digits), make("small", {}, ` ±${short(half, 1)}`));
}

function remarksOf({ remarks }) {
  if (remarks.length === 0) return "";
  return make("details", {}, make("summary", {}, `${remarks.length}`), make("p", {}, remarks.join("\n")));
}

function openRow(row) {
  state.chosen = row;
  mark(row);
  state.open(row);
}

/** Mark a row in table and scatter plot, and read it below. */
function mark(row) {
  const shown = row ?? state.chosen;
  for (const marked of byId("batch-rows").querySelectorAll(".chosen")) marked.classList.remove("chosen");
  shown?.element?.classList.add("chosen");
  scatter.choose(shown);
  const columns = ["scatter-x", "scatter-y"].map((id) => NUMERIC.find(({ key }) => key === byId(id).value));
  byId("scatter-reading").textContent = shown ? `${flatFormula(shown.formula)} (${shown.file}): ${columns.map(({ title, show }) => `${title} ${show(shown)}`).join(", ")}` : "";
}

/** Sort and filter the rows, and draw the plot of those that are left. */
function arrange() {
  let fits;
  try {
    fits = makeFilter(byId("batch-filter").value, COLUMNS);
  } catch (error) {
    byId("batch-shown").textContent = error.message;
    return;
  }
  const left = state.rows.filter(fits);
  if (state.falling === null) state.ordered = left;
  else {
    const column = COLUMNS.find(({ key }) => key === state.order);
    state.ordered = [...left].sort((a, b) => compare(column.value(a), column.value(b), state.falling));
  }
  drawRows();
  byId("batch-shown").textContent = `${left.length} of ${state.rows.length} crystals`;
  const [x, y] = ["scatter-x", "scatter-y"].map((id) => NUMERIC.find(({ key }) => key === byId(id).value));
  scatter.show(left.filter(({ refused }) => !refused), x, y);
}

/** Draw the first rows; a table of thousands is not laid out for the dozen that are seen. */
function drawRows() {
  byId("batch-rows").replaceChildren(...state.ordered.slice(0, state.drawn).map(elementOf));
}

/** Draw further rows where the table is scrolled to the end of those that are. */
function drawMore() {
  const { scrollTop, clientHeight, scrollHeight } = byId("batch-scroll");
  if (state.drawn >= state.ordered.length || scrollTop + clientHeight < scrollHeight - clientHeight) return;
  byId("batch-rows").append(...state.ordered.slice(state.drawn, state.drawn + PAGE).map(elementOf));
  state.drawn += PAGE;
}

const arrangeSoon = debounced(arrange, REDRAW);

/** Order two values; what is unknown comes last either way. */
function compare(a, b, falling) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return (falling ? -1 : 1) * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
}

function sortBy(key) {
  state.drawn = PAGE;
  byId("batch-scroll").scrollTop = 0;
  state.falling = state.order === key && state.falling !== null ? !state.falling : false;
  state.order = key;
  for (const head of byId("batch-heads").children) {
    head.setAttribute("aria-sort", head.dataset.key === key ? (state.falling ? "descending" : "ascending") : "none");
  }
  arrange();
}

async function saveSpectra() {
  const found = [];
  for await (const line of batch(state.files, state.level, true)) found.push(...(line.predictions ?? []));
  save(JSON.stringify(found), "dielectra.json", "application/json");
}

/** Make the table's heads, filter, plot and buttons work. */
export function listenToBatch(attempt) {
  byId("batch-heads").replaceChildren(...COLUMNS.map(({ key, title }) => {
    const head = make("th", { scope: "col", "aria-sort": "none" }, button(title, () => sortBy(key)));
    head.dataset.key = key;
    return head;
  }));
  for (const [id, chosen] of [["scatter-x", "gap_ev"], ["scatter-y", "n_589nm"]]) {
    byId(id).replaceChildren(...NUMERIC.map(({ key, title }) => make("option", { value: key }, title)));
    byId(id).value = chosen;
    byId(id).addEventListener("change", arrange);
  }
  byId("batch-scroll").addEventListener("scroll", drawMore);
  byId("batch-filter").addEventListener("input", arrangeSoon);
  byId("batch-stop").addEventListener("click", () => state.running?.abort());
  byId("batch-close").addEventListener("click", () => { state.running?.abort(); byId("batch").hidden = true; });
  byId("batch-csv").addEventListener("click", () => {
    const keys = Object.keys(state.rows.find(({ refused }) => !refused) ?? {}).filter((key) => !["crystal", "remarks", "element"].includes(key));
    save(csv([keys, ...state.rows.map((row) => keys.map((key) => row[key] ?? ""))]), "dielectra.csv", "text/csv");
  });
  byId("batch-json").addEventListener("click", () => attempt(saveSpectra));
}
