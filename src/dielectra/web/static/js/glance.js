// The numbers beside the spectrum: gap, index, colour, each with its interval, and how far to trust them.

import { at } from "./chart.js";
import { byId, define, formulaOf, groupSymbol, interval, make, short } from "./dom.js";
import { spectrumOf } from "./derived.js";
import { derived } from "./server.js";
import { strip, swatch, variesIn } from "./swatch.js";
import { SODIUM } from "./units.js";

let asking = null;
/** Colours by prediction, so that those of a crystal are asked for once. */
const colours = new WeakMap();

/** Show the numbers of a prediction. */
export function showGlance(record, entry, { broadening_ev: broadening }) {
  const { crystal, name } = record;
  byId("formula").replaceChildren(formulaOf(crystal.formula));
  const count = crystal.species.length;
  byId("origin").textContent = `${groupSymbol(crystal.space_group_symbol)} (${crystal.space_group}) · ${count} atom${count === 1 ? "" : "s"} · ${name}`;
  const colour = make("span", {}, "–");
  define(byId("facts"), [
    ...(entry.confidence ? [["confidence", confidenceMark(entry.confidence)]] : []),
    ["gap", gapOf(entry)],
    ["ε∞", withSmall(short(entry.eps_infinity, 3), intervalOf(entry, "eps_infinity"))],
    ["n (589 nm)", withSmall(short(at({ energies: entry.energy_ev }, entry.n.mean, SODIUM), 3), intervalOf(entry, "n_589nm"))],
    ["colour", colour],
    ["model", `${entry.model}, ${entry.level.toUpperCase()}`],
  ]);
  byId("interval-note").textContent = aboutIntervals(entry);
  byId("reasons").replaceChildren(...reasonsOf(entry).map((text) => make("li", {}, text)));
  showColour(colour, entry, broadening);
}

const DOTS = { high: "●●●", medium: "●●○", low: "●○○" };

/** Return a confidence as dots and a word. */
export const confidenceMark = (confidence) =>
  make("span", { className: `confidence-${confidence}` }, make("span", { "aria-hidden": "true" }, DOTS[confidence]), ` ${confidence}`);

const BANDS = { pbe: "PBE", quasiparticles: "quasiparticles", exciton: "with a bound exciton" };

/** Return the gap with its interval; a metal has none. */
function gapOf(entry) {
  if (entry.metal) return "none: a metal";
  if (entry.gap_ev === undefined) return "not predicted by this model";
  const { gap_ev: gap, gap_direct_ev: direct, quasiparticle_gap_ev: other } = entry;
  const bands = BANDS[entry.gap_of];
  const kind = direct === undefined ? "" : direct - gap < 0.05 ? `${bands}, direct` : `${bands}; direct ${direct.toFixed(2)} eV`;
  const more = entry.gap_of === "quasiparticles" || other === undefined ? "" : `quasiparticles ${other.toFixed(2)} eV`;
  return withSmall(`${gap.toFixed(2)} eV`, intervalOf(entry, "gap_ev"), kind, more);
}

function withSmall(text, ...further) {
  return make("span", {}, make("b", {}, text), ...further.filter(Boolean).map((words) => make("small", {}, words)));
}

/** Return the interval of a number as text, empty where there is none. */
function intervalOf(entry, key) {
  const around = entry.interval?.[key];
  return around ? interval(around.lower, around.upper) : "";
}

/** Say what the intervals beside the numbers hold. */
function aboutIntervals(entry) {
  const around = Object.values(entry.interval ?? {})[0];
  if (!around) return "";
  return around.coverage === null ? "Small type: range of the members." : `Small type: ${Math.round(100 * around.coverage)} % intervals.`;
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
  place.append(...[1, 2].map(() => make("small", {}, "\u00a0"))); // room for what comes, so that nothing below moves
  try {
    const { bulk, body } = colours.get(entry)
      ?? await derived("colour", { spectrum: spectrumOf(entry, broadening), thickness_nm: 1000 }, current.signal);
    colours.set(entry, { bulk, body });
    if (current.signal.aborted) return;
    place.replaceChildren(
      swatch(body.hex, "light after 1 µm inside"), body.name, make("small", {}, "light after 1 µm inside"),
      ...(variesIn(body.hex_by_gap) ? [make("small", {}, strip(body.hex_by_gap), " if the gap is off")] : []),
      make("small", {}, swatch(bulk.hex, "polished crystal"), "polished"));
  } catch { /* a spectrum that does not cover the visible range, or a newer one: no colour */ }
}
