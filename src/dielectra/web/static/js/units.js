// The units of the spectral axis. Inside the page photon energies are in eV; this module converts at its border.

const HC = 1239.841984; // eV nm

const reciprocal = (constant) => ({ fromEv: (energy) => constant / energy, toEv: (value) => constant / value, falls: true });
const linear = (factor) => ({ fromEv: (energy) => energy * factor, toEv: (value) => value / factor, falls: false });

/** Each unit: its label, quantity, conversions, default ends in eV, and the unit of the axis opposite. */
export const UNITS = {
  eV: { label: "eV", quantity: "photon energy", opposite: "nm", ends: [0, 20], ...linear(1) },
  nm: { label: "nm", quantity: "wavelength", opposite: "eV", ends: [HC / 1600, HC / 100], ...reciprocal(HC) },
  um: { label: "µm", quantity: "wavelength", opposite: "eV", ends: [HC / 2500, HC / 100], ...reciprocal(HC / 1e3) },
  "cm-1": { label: "cm⁻¹", quantity: "wavenumber", opposite: "um", ends: [0, 6], ...linear(8065.543937) },
  THz: { label: "THz", quantity: "frequency", opposite: "um", ends: [0, 6], ...linear(241.7989242) },
};

export const SODIUM = HC / 589.3;
export const VISIBLE = [HC / 780, HC / 380];
export const nanometres = (energy) => HC / energy;

/** Return colours of the visible spectrum as stops `[energy, colour]`. */
export const RAINBOW = [
  [780, "#5c0000"], [700, "#c80000"], [645, "#ff2a00"], [600, "#ff9a00"], [580, "#ffd500"], [550, "#8fd400"],
  [510, "#00b84a"], [490, "#00b3c8"], [460, "#1f6dff"], [430, "#4b2fe0"], [400, "#5a12a8"], [380, "#3b0a66"],
].map(([wavelength, colour]) => [HC / wavelength, colour]);

/** Return round numbers between two ends, about `count` of them. */
export function ticksBetween(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => span / size <= count) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** Return round numbers for an axis on which they lie unevenly: candidates thinned to a least distance in pixels. */
export function unevenTicks(low, high, place, distance) {
  const candidates = [];
  for (let power = 10 ** Math.floor(Math.log10(Math.max(low, high * 1e-4))); power <= high; power *= 10) {
    for (const factor of [1, 2, 5, 3, 4, 6, 8, 1.5, 2.5, 7, 9]) candidates.push(Number((factor * power).toPrecision(12)));
  }
  const chosen = [];
  for (const value of candidates.filter((one) => one >= low && one <= high).sort((a, b) => rank(a) - rank(b))) {
    const position = place(value);
    if (chosen.every((other) => Math.abs(place(other) - position) >= distance)) chosen.push(value);
  }
  return chosen.sort((a, b) => a - b);
}

const rank = (value) => {
  const leading = Number((value / 10 ** Math.floor(Math.log10(value) + 1e-9)).toPrecision(6));
  const order = [1, 2, 5, 3, 4, 6, 8, 1.5, 2.5, 7, 9].indexOf(leading);
  return order < 0 ? 99 : order;
};
