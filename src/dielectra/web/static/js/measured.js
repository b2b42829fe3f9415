// Measured spectra beside a prediction: their names, and how far the prediction is from them.

import { at } from "./chart.js";

/** Return first author, year and axis of a measured spectrum. */
export function referenceOf({ axis, reference }) {
  const authors = reference.match(/^(?:\d+\)\s*)?(.*?\p{L}{2,})[.,]/su)?.[1] ?? reference;
  const first = authors.split(/,| and | et al/)[0].trim().split(/\s+/).at(-1);
  const year = reference.match(/\((\d{4})\)/)?.[1] ?? "";
  return [`${first} ${year}`.trim(), axis === "iso" ? "" : `(${axis})`].filter(Boolean).join(" ");
}

/** Return the whole title of a measured spectrum: what was measured, by whom. */
export const titleOf = (one) => [referenceOf(one), one.kind, one.polymorph].filter(Boolean).join(", ");

/** Return the root mean square difference of n below 6 eV between a prediction and a measurement, with its range. */
export function differenceOfIndex(entry, measured) {
  const points = measured.energy_ev.flatMap((energy, index) => {
    const value = energy >= 0.5 && energy <= 6 ? at({ energies: entry.energy_ev }, entry.n.mean, energy) : null;
    return value === null ? [] : [[energy, value - measured.n[index]]];
  });
  if (points.length < 5) return null;
  const square = points.reduce((sum, [, difference]) => sum + difference ** 2, 0) / points.length;
  return { rms: Math.sqrt(square), low: points[0][0], high: points.at(-1)[0] };
}
