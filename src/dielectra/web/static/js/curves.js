// From crystals and what of them is wanted to the curves of a figure. What varies first gets the colour, what varies
// second the dash, third the opacity, fourth the width.

import { flatFormula } from "./dom.js";
import { referenceOf } from "./measured.js";

const DASHES = [null, "7 4", "2 3", "9 3 2 3", "1 4"];
const OPACITIES = [1, 0.6, 0.4, 0.3, 0.25];
const WIDTHS = [2, 1.1, 3, 1.5, 2.5];
const MOST_BANDS = 6;
const SAME = 1e-4;

/** Return the curves of a quantity of crystals; `view` has level, levels (all that are shown), components and part. */
export function curvesOf(quantity, crystals, view) {
  const keys = Object.keys(quantity.keys).filter((_, index, all) => all.length === 1 || view.part === "both" || Number(view.part) === index);
  const found = crystals.flatMap((record, index) => view.levels.filter((level) => record.entries[level]).flatMap((level) =>
    componentsOf(record.entries[level], keys[0], view.components).flatMap(([component, path]) => keys.map((key) => ({
      crystal: index, level, component, part: key, record, entry: record.entries[level], path })))));
  const styled = style(found);
  const bands = found.filter((one) => hasBand(one, view)).length <= MOST_BANDS;
  const predicted = found.map((one, index) => ({ ...curve(one, styled[index], quantity), ...(bands && hasBand(one, view) ? bandOf(one) : {}) }));
  return [...predicted, ...measuredCurves(quantity, keys, crystals)];
}

const hasBand = ({ entry, part, path, level }, view) => level === view.level && path === "mean" && Boolean(entry.band?.[part]);

const bandOf = ({ entry, part }) => ({ lower: entry.band[part].lower, upper: entry.band[part].upper });

function curve({ entry, part, path }, { label, ...look }, quantity) {
  const values = entry[part][path];
  return { label: label || quantity.keys[part], energies: entry.energy_ev, values, ...look };
}

/** Return the components to draw as pairs of a name and the keys that hold them; an isotropic crystal has one. */
function componentsOf(entry, key, wanted) {
  const curves = entry[key];
  if (wanted === "mean" || !curves.xx) return [["", "mean"]];
  const axes = uniaxial(entry);
  if (wanted === "tensor") return axes ? [[axes.both, axes.ordinary], [axes.extraordinary, axes.extraordinary]] : ["xx", "yy", "zz"].map((name) => [name, name]);
  return axes ? [["ordinary", axes.ordinary], ["extraordinary", axes.extraordinary]] : [["", "mean"]];
}

/** Return which components are ordinary and extraordinary, or null where the optic axis is none of x, y and z. */
export function uniaxial(entry) {
  const { eps1, eps2 } = entry;
  if (!eps2.xx || eps2.yz || eps2.xz || eps2.xy || eps1.yz || eps1.xz || eps1.xy) return null;
  const most = Math.max(...eps2.mean);
  const same = (a, b) => eps2[a].every((value, index) => Math.abs(value - eps2[b][index]) <= SAME * most);
  if (same("xx", "yy")) return { ordinary: "xx", both: "xx = yy", extraordinary: "zz" };
  if (same("xx", "zz")) return { ordinary: "xx", both: "xx = zz", extraordinary: "yy" };
  if (same("yy", "zz")) return { ordinary: "yy", both: "yy = zz", extraordinary: "xx" };
  return null;
}

/** Give every curve its look and its label from the dimensions that vary. */
function style(found) {
  const words = { crystal: ({ record }) => record.title, component: ({ component }) => component, part: null, level: ({ level }) => level.toUpperCase() };
  const places = Object.fromEntries(Object.keys(words).map((name) => [name, [...new Set(found.map((one) => one[name]))]]));
  const varying = Object.keys(words).filter((name) => places[name].length > 1);
  return found.map((one) => {
    const place = (rank) => (varying[rank] ? places[varying[rank]].indexOf(one[varying[rank]]) : 0);
    const label = varying.map((name) => (name === "part" ? PART_LABELS[one.part] ?? one.part : words[name](one))).join(" ");
    return { label, hue: place(0), dash: DASHES[place(1) % DASHES.length], opacity: OPACITIES[Math.min(place(2), 4)], width: WIDTHS[Math.min(place(3), 4)] };
  });
}

const PART_LABELS = { eps1: "ε₁", eps2: "ε₂", n: "n", k: "k" };

/** Return the measured curves that are chosen, as marks: filled for the first part, hollow for the second. */
function measuredCurves(quantity, keys, crystals) {
  return crystals.flatMap((record, index) => record.measured.flatMap((one, place) => (record.measuredShown.has(place) ? keys.map((key) => ({
    label: [crystals.length > 1 ? flatFormula(one.formula) : "", keys.length > 1 ? quantity.keys[key] : "", referenceOf(one)].filter(Boolean).join(" "),
    energies: one.energy_ev, values: one[key], marks: true, hue: crystals.length > 1 ? index : -1,
    filled: keys.indexOf(key) === 0, opacity: OPACITIES[[...record.measuredShown].indexOf(place)] ?? 0.25,
  })) : [])));
}
