// Many files at once: a table that fills line by line.

import { byId, make, short } from "./dom.js";
import { csv, save } from "./download.js";
import { batch } from "./server.js";

const HEADS = ["file", "formula", "level", "model", "static_eps", "static_n", "peak_ev", "peak_eps2", "remarks"];

let running = null;
let rows = [];
let predictions = [];

/** Predict files and zips at a level; `open(entry, structure)` shows one crystal of the table. */
export async function runBatch(files, level, open) {
  running?.abort();
  const current = running = new AbortController();
  rows = [];
  predictions = [];
  byId("batch-rows").replaceChildren();
  byId("batch").hidden = false;
  byId("batch").setAttribute("aria-busy", "true");
  byId("batch-stop").disabled = false;
  tell(0, 0);
  let done = 0, total = 0;
  try {
    for await (const line of batch(files, level, current.signal)) {
      if ("files" in line) total = line.files;
      else {
        done += 1;
        addLine(line, open);
      }
      tell(done, total);
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    if (running === current) byId("batch-count").textContent = `stopped after ${done} of ${total} files`;
  } finally {
    if (running === current) {
      byId("batch").setAttribute("aria-busy", "false");
      byId("batch-stop").disabled = true;
    }
  }
}

function tell(done, total) {
  Object.assign(byId("batch-progress"), { max: total || 1, value: done });
  byId("batch-count").textContent = total ? `${done} of ${total} files` : "sending";
}

function addLine(line, open) {
  if (line.problem) {
    rows.push([line.file, "", "", "", "", "", "", "", line.problem]);
    const cells = [make("th", { scope: "row" }, line.file), make("td", { colSpan: 5 }), make("td", { className: "problem" }, line.problem)];
    byId("batch-rows").append(make("tr", {}, ...cells));
    return;
  }
  line.predictions.forEach((entry, index) => {
    const peak = entry.eps2.mean.reduce((best, value, position, all) => (value > all[best] ? position : best), 0);
    const numbers = [entry.static_eps, entry.n.mean[0], entry.energy_ev[peak], entry.eps2.mean[peak]];
    const remarks = entry.warnings.join("\n");
    rows.push([entry.file, entry.formula, entry.level, entry.model, ...numbers, remarks]);
    predictions.push(entry);
    const button = make("button", { type: "button" }, entry.file);
    button.addEventListener("click", () => open(entry, line.structures[index]));
    const texts = [entry.formula, numbers[0].toFixed(2), numbers[1].toFixed(2), numbers[2].toFixed(1), short(numbers[3], 3), remarks];
    byId("batch-rows").append(make("tr", {}, make("th", { scope: "row" }, button), ...texts.map((text) => make("td", {}, text))));
  });
}

byId("batch-stop").addEventListener("click", () => running?.abort());
byId("batch-csv").addEventListener("click", () => save(csv([HEADS, ...rows]), "dielectra.csv", "text/csv"));
byId("batch-json").addEventListener("click", () => save(JSON.stringify(predictions), "dielectra.json", "application/json"));
