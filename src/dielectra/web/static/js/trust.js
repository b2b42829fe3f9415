// "How good is this for your crystal?": what is known of the error, in a paragraph and a table of crystals like it.

import { button, byId, formulaOf, groupSymbol, make, short } from "./dom.js";
import { reasonsOf } from "./glance.js";
import { differenceOfIndex, referenceOf } from "./measured.js";
import { alike } from "./server.js";

const CLASSES = {
  high: "The members of the ensemble agree well on this crystal",
  medium: "The members of the ensemble agree moderately on this crystal",
  low: "The members of the ensemble disagree on this crystal, or it is unlike those they learned from",
};
const BANDS = {
  pbe: "IPA and RPA rest on PBE band energies, whose gaps are too small: by 0.5 to 1 eV in semiconductors, by several eV in wide-gap "
    + "insulators. Absorption sets in too early, so that n and ε∞ come out too large, and colours too yellow, too red or too dark. Neither level "
    + "holds excitons.",
  quasiparticles: "This level rests on quasiparticle energies, whose gaps are near the measured ones, and a static kernel stands for the attraction "
    + "of electron and hole: absorption is moved to lower energies, but bound excitons are not resolved. Fewer crystals of the training have it.",
  exciton: "This level rests on quasiparticle energies and resolves the attraction of electron and hole: bound excitons absorb below the gap of "
    + "quasiparticles. Few crystals of the training have it, computed with few k-points.",
};
let shown = null;

/** Show what is known of the error of a prediction; `open(id)` opens a crystal of the shipped data sets. */
export async function showTrust(record, entry, open) {
  shown = entry;
  const text = byId("trust-text");
  text.replaceChildren(...paragraphs(record, entry, null));
  byId("trust-table").replaceChildren();
  const near = entry.nearest ?? [];
  const found = await alike(record.crystal.formula, near.map(({ id }) => id)).catch(() => null);
  if (!found || shown !== entry) return;
  text.replaceChildren(...paragraphs(record, entry, found));
  byId("trust-table").replaceChildren(...tables(found, near, open));
}

function paragraphs(record, entry, found) {
  const sentences = [];
  if (entry.confidence) sentences.push(`${CLASSES[entry.confidence]}: confidence is ${entry.confidence}.`);
  if (found?.total) {
    const names = found.elements.join(found.elements.length > 2 ? ", " : " and ");
    sentences.push(`Of crystals with ${names} that the model has not seen, ${found.total === 1 ? "one has" : `${found.total} have`} a computed spectrum: `
      + `there its RPA prediction has a median similarity of ${found.median_similarity.toFixed(2)} (1 is perfect).`);
  }
  const coverage = entry.band?.n?.coverage;
  if (coverage) sentences.push(`The shaded band holds the computed curve at ${Math.round(100 * coverage)} % of the energies; intervals beside numbers follow from it, and from the usual error of the gap where they depend on it.`);
  const differences = record.measured.flatMap((one) => {
    const difference = differenceOfIndex(entry, one);
    return difference ? [`${difference.rms.toFixed(2)} (${referenceOf(one)}, ${short(difference.low, 2)} to ${short(difference.high, 2)} eV)`] : [];
  });
  if (differences.length) sentences.push(`From the measured n it differs by ${differences.slice(0, 3).join("; ")}, root mean square.`);
  const doubts = reasonsOf(entry).length;
  if (doubts) sentences.push(`${doubts === 1 ? "One reason" : `${doubts} reasons`} to doubt it ${doubts === 1 ? "stands" : "stand"} beside the spectrum.`);
  return [make("p", {}, sentences.join(" ")), make("p", { className: "hint" }, BANDS[entry.gap_of])];
}

function tables(found, near, open) {
  const known = new Map((found.nearest ?? []).map((one) => [one.id, one]));
  const nearest = near.map((one) => ({ ...known.get(one.id), ...one }));
  return [
    ...(nearest.length ? [table("Nearest crystals of the training, and how well they are reproduced", nearest, open)] : []),
    ...(found.crystals.length ? [table("Held-out crystals of the same chemistry", found.crystals, open)] : []),
  ];
}

function table(caption, crystals, open) {
  const withDistance = crystals.some(({ distance }) => distance !== undefined);
  const heads = ["crystal", "space group", "similarity", ...(withDistance ? ["distance"] : [])];
  const rows = crystals.map((one) => make("tr", {},
    make("th", { scope: "row" }, one.space_group ? button(formulaOf(one.formula), () => open(one.id), { "aria-label": `Open ${one.formula}` }) : formulaOf(one.formula)),
    make("td", {}, one.space_group_symbol ? groupSymbol(one.space_group_symbol) : "–"), make("td", {}, one.similarity === undefined ? "–" : one.similarity.toFixed(2)),
    ...(withDistance ? [make("td", {}, short(one.distance, 2))] : [])));
  return make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...rows));
}
