// Permalinks: everything that is shown, in the fragment of the URL, which no browser sends to a server. A crystal is an
// example by name, a crystal of the shipped data sets by id, or, where it is small, the structure itself.

const MOST_ATOMS = 40;
const DIGITS = 1e6;

const round = (values) => values.flat().map((value) => Math.round(value * DIGITS) / DIGITS);

function encode(document) {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Return a crystal as a JSON-lines file, a form that the API reads. */
export function structureFile(crystal) {
  const line = { lattice: crystal.lattice.flat(), species: crystal.species, frac_coords: crystal.frac_coords.flat() };
  return new File([JSON.stringify(line)], `${crystal.formula}.jsonl`);
}

/** Return `[kind, value]` of a crystal for a link, or null where it is too large for one. */
export function sourceOf({ example, id, crystal }) {
  if (example) return ["example", example];
  if (id) return ["id", id];
  if (crystal.species.length > MOST_ATOMS) return null;
  return ["structure", encode([crystal.formula, round(crystal.lattice), crystal.species, round(crystal.frac_coords)])];
}

/** Return the structure that a link holds as a file. */
export function linkedFile(text) {
  try {
    const [formula, lattice, species, coords] = decode(text);
    return structureFile({ formula: String(formula), lattice, species, frac_coords: coords });
  } catch {
    throw new Error("This link is damaged: it holds no structure. Open the file itself.");
  }
}

/**
 * Return the fragment that shows all this again, or null where a structure is too large for a link. `crystals` have
 * `source` and `measuredShown`; `settings` are texts by name, `sliders` positions of controls by id.
 */
export function writeFragment(crystals, settings, sliders) {
  const parameters = new URLSearchParams();
  for (const { source, measuredShown, measured } of crystals) {
    if (!source) return null;
    parameters.append(...source);
    const chosen = [...measuredShown];
    if (measured.length && chosen.join() !== "0") parameters.append("measured", `${crystals.findIndex((one) => one.source === source)}:${chosen.join(".")}`);
  }
  for (const [name, value] of Object.entries(settings)) if (value !== null && value !== "") parameters.set(name, value);
  for (const [id, value] of Object.entries(sliders)) parameters.set(`s.${id}`, value);
  return `#${parameters}`;
}

const SOURCES = ["example", "id", "structure"];

/** Return what a fragment asks for: `sources` as pairs, `measured` by place, `settings` and `sliders`. */
export function readFragment(fragment) {
  const pairs = [...new URLSearchParams(fragment.replace(/^#/, ""))];
  const measured = pairs.filter(([name]) => name === "measured").map(([, value]) => value.split(":"));
  return {
    sources: pairs.filter(([name]) => SOURCES.includes(name)),
    measured: Object.fromEntries(measured.map(([place, chosen = ""]) => [place, chosen.split(".").filter(Boolean).map(Number)])),
    settings: Object.fromEntries(pairs.filter(([name]) => ![...SOURCES, "measured"].includes(name) && !name.startsWith("s."))),
    sliders: Object.fromEntries(pairs.filter(([name]) => name.startsWith("s.")).map(([name, value]) => [name.slice(2), value])),
  };
}
