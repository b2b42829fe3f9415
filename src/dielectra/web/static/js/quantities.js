// The optical constants that have a tab of their own: which keys of a prediction they show, and how.

export const QUANTITIES = [
  { id: "eps", title: "ε", label: "dielectric function ε", keys: { eps1: "ε₁ (Re)", eps2: "ε₂ (Im)" } },
  { id: "index", title: "n, k", label: "refractive index", keys: { n: "n", k: "k" } },
  { id: "absorption", title: "absorption", label: "absorption coefficient (1/cm)", keys: { absorption_per_cm: "α (1/cm)" }, logarithmic: true },
  { id: "reflectivity", title: "reflectivity", label: "reflectivity at normal incidence", keys: { reflectivity: "R" } },
  { id: "loss", title: "loss", label: "energy loss −Im 1/ε", keys: { loss: "−Im 1/ε" } },
];

/** Return what the chart shows of a prediction and, where there is one, of a measured spectrum. */
export function curvesOf(quantity, entry, measured) {
  const pairs = Object.entries(quantity.keys);
  return {
    label: quantity.label,
    logarithmic: Boolean(quantity.logarithmic),
    curves: pairs.map(([key, label]) => ({ label, energies: entry.energy_ev, values: entry[key].mean })),
    measured: measured ? pairs.map(([key, label]) => ({ label: `${label} measured`, energies: measured.energy_ev, values: measured[key] })) : [],
  };
}
