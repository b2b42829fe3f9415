// Permalinks: an example by name, or a small structure itself, in the fragment of the URL, which no browser sends.

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

/** Return the fragment that opens a source again, or null where the structure is too large for a link. */
export function fragmentOf({ example, crystal }, view) {
  const parameters = new URLSearchParams(view);
  if (example) parameters.set("example", example);
  else if (crystal.species.length <= MOST_ATOMS) {
    parameters.set("structure", encode([crystal.formula, round(crystal.lattice), crystal.species, round(crystal.frac_coords)]));
  } else return null;
  return `#${parameters}`;
}

/** Return what a fragment asks for: `{example}` or `{file}`, with `level` and `tab` where it names them. */
export function readFragment(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const asked = Object.fromEntries(["example", "level", "tab"].map((key) => [key, parameters.get(key)]));
  if (!parameters.has("structure")) return asked;
  try {
    const [formula, lattice, species, coords] = decode(parameters.get("structure"));
    return { ...asked, file: structureFile({ formula: String(formula), lattice, species, frac_coords: coords }) };
  } catch {
    throw new Error("This link is damaged: it holds no structure. Open the file itself.");
  }
}
