// The numbers beside the spectrum: gap, index, colour, each with its interval, and how far to trust them.

import { at } from "./chart.js";
import { byId, define, formulaOf, interval, make, short } from "./dom.js";
import { spectrumOf } from "./derived.js";
import { derived } from "./server.js";
import { SODIUM } from "./units.js";

let asking = null;

/** Show the numbers of a prediction. */
export function showGlance(record, entry, { broadening_ev: broadening, gap_error_ev: gapErrors }) {
  const { crystal, name } = record;
  byId("formula").replaceChildren(formulaOf(crystal.formula));
  const count = crystal.species.length;
  byId("origin").textContent = `${crystal.space_group_symbol} (${crystal.space_group}) · ${count} atom${count === 1 ? "" : "s"} · ${name}`;
  const colour = make("span", {}, "–");
  define(byId("facts"), [
    ...(entry.confidence ? [["confidence", confidenceMark(entry.confidence)]] : []),
    ["gap", gapOf(entry, gapErrors[entry.model])],
    ["ε∞", valueOf(entry.eps_infinity, edge(entry, "eps1", entry.energy_ev[0], 1))],
    ["n (589 nm)", valueOf(at({ energies: entry.energy_ev }, entry.n.mean, SODIUM), edge(entry, "n", SODIUM))],
    ["colour", colour],
    ["model", `${entry.model}, ${entry.level.toUpperCase()}`],
  ]);
  byId("reasons").replaceChildren(...reasonsOf(entry).map((text) => make("li", {}, text)));
  showColour(colour, entry, broadening);
}

const DOTS = { high: "●●●", medium: "●●○", low: "●○○" };

/** Return a confidence as dots and a word. */
export const confidenceMark = (confidence) =>
  make("span", { className: `confidence-${confidence}` }, make("span", { "aria-hidden": "true" }, DOTS[confidence]), ` ${confidence}`);

/** Return the gap with an interval that holds that of nine of ten held-out crystals; a metal has none. */
function gapOf(entry, error) {
  if (entry.metal) return "none: a metal";
  if (entry.gap_ev === undefined) return "not predicted by this model";
  const { gap_ev: gap, gap_direct_ev: direct } = entry;
  const ends = error === undefined ? "" : `${Math.max(gap - error, 0).toFixed(1)} to ${(gap + error).toFixed(1)} (90 % of crystals)`;
  const kind = direct === undefined ? "" : direct - gap < 0.05 ? "PBE, direct" : `PBE; direct ${direct.toFixed(2)} eV`;
  return withSmall(`${gap.toFixed(2)} eV`, ends, kind);
}

const valueOf = (value, ends) => withSmall(short(value, 3), ends);

function withSmall(text, ...further) {
  return make("span", {}, make("b", {}, text), ...further.filter(Boolean).map((words) => make("small", {}, words)));
}

/** Return the band of a quantity at a photon energy as text; `least` is what physics allows at least. */
function edge(entry, key, energy, least = 0) {
  const band = entry.band?.[key];
  if (!band) return "";
  const ends = ["lower", "upper"].map((end) => Math.max(at({ energies: entry.energy_ev }, band[end], energy), least));
  const share = band.coverage === null ? "range of members" : `${Math.round(100 * band.coverage)} % band`;
  return `${interval(...ends)} (${share})`;
}

/** Return why a prediction is to be doubted, one sentence each. */
export function reasonsOf(entry) {
  const said = entry.warnings.join(" ").toLowerCase();
  const more = [];
  if (entry.metal && !said.includes("metal")) more.push("Predicted to be a metal; the models hold no free carriers.");
  if (entry.in_domain === false && !said.includes("unlike") && !said.includes("far from")) more.push("Unlike all crystals of the training.");
  return [...entry.warnings, ...more];
}

async function showColour(place, entry, broadening) {
  asking?.abort();
  const current = asking = new AbortController();
  try {
    const { bulk, body } = await derived("colour", { spectrum: spectrumOf(entry, broadening), thickness_nm: 1000 }, current.signal);
    if (!current.signal.aborted) {
      place.replaceChildren(swatch(body.hex, "light after 1 µm inside"), body.name, make("small", {}, "light after 1 µm inside; polished: ", swatch(bulk.hex, "polished crystal")));
    }
  } catch { /* a spectrum that does not cover the visible range, or a newer one: no colour */ }
}

/** Return a patch of a colour with words for those who do not see it. */
export function swatch(hex, words) {
  const patch = make("span", { className: "swatch", role: "img", "aria-label": `${words}: ${hex}`, title: `${words}: ${hex}` });
  patch.style.backgroundColor = hex;
  return patch;
}
