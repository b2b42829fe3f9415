// The crystals that were opened: each is read, predicted and looked up once.

import { flatFormula } from "./dom.js";
import { linkedFile, sourceOf, structureFile } from "./link.js";
import * as server from "./server.js";

const opened = new Map();

/** A file that holds many crystals: what opens it is the table. */
export class ManyCrystals extends Error {}

/** Return the record of a source: `["example" | "id" | "structure", value]` or `["file", File]`; `metals` lets metals pass. */
export async function openSource([kind, value], level, examples, metals = false) {
  const key = kind === "file" ? null : `${kind} ${value}`;
  if (key && opened.has(key)) return withLevel(opened.get(key), level);
  const { file, crystal, ...origin } = await FINDERS[kind](value, examples);
  const [crystals, [entry]] = await Promise.all([crystal ? [crystal] : server.structures(file), server.predict(file, level, metals)]);
  if (crystals.length > 1) throw new ManyCrystals(file.name);
  const record = await makeRecord({ file, crystal: crystals[0], metals, ...origin }, entry);
  opened.set(record.source?.join(" ") ?? file, record);
  return record;
}

const FINDERS = {
  file: async (file) => ({ file, name: file.name }),
  async example(name, examples) {
    const found = examples.find(({ file }) => file === `${name}.cif`);
    if (!found) throw new Error(`There is no example ${name}.`);
    return { file: new File([await server.text(found.url)], found.file), name: found.file, example: name };
  },
  async id(id) {
    const crystal = await server.catalogued(id);
    return { file: structureFile(crystal), name: id, id, crystal };
  },
  async structure(text) {
    const file = linkedFile(text);
    return { file, name: file.name };
  },
};

async function makeRecord({ file, crystal, name, example, id, metals }, entry) {
  const measured = await server.measured(crystal.formula, crystal.space_group);
  return {
    file, crystal, name, metals, entries: { [entry.level]: entry }, measured, measuredShown: new Set(measured.length ? [0] : []),
    source: sourceOf({ example, id, crystal }), title: flatFormula(crystal.formula),
  };
}

/** Predict a crystal at a further level, unless it has been. */
export async function withLevel(record, level) {
  if (!record.entries[level]) {
    const [entry] = await server.predict(record.file, level, record.metals);
    record.entries[level] = entry;
  }
  return record;
}
