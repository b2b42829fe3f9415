// The optical constants that have a tab of their own: which keys of a prediction they show, and how.

export const QUANTITIES = [
  { id: "eps", title: "ε", label: "dielectric function ε", keys: { eps1: "ε₁", eps2: "ε₂" }, names: ["ε₁ and ε₂", "ε₁ only", "ε₂ only"] },
  { id: "index", title: "n, k", label: "refractive index n, k", keys: { n: "n", k: "k" }, names: ["n and k", "n only", "k only"] },
  { id: "absorption", title: "Absorption", label: "absorption coefficient (cm⁻¹)", keys: { absorption_per_cm: "α" }, logarithmic: true },
  { id: "reflectivity", title: "Reflectivity", label: "reflectivity at normal incidence", keys: { reflectivity: "R" } },
  { id: "loss", title: "Loss", label: "energy loss −Im 1/ε", keys: { loss: "−Im 1/ε" } },
];

export const COMPONENTS = {
  mean: "average",
  tensor: "xx, yy, zz",
  axes: "ordinary, extraord.",
};
