// The filter of the table of a batch: words, elements and comparisons, separated by commas; all must hold.

const COMPARISON = /^([a-z_ε∞()\s\d]+?)\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)$/i;
const ELEMENT = /^[A-Z][a-z]?$/;
const HOLDS = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => Math.abs(a - b) < 1e-9 };

/** Return what tells whether a row fits a filter; `columns` are `{names, value}`. Raises where a comparison names none. */
export function makeFilter(text, columns) {
  const tests = text.split(",").map((part) => part.trim()).filter(Boolean).map((part) => test(part, columns));
  return (row) => tests.every((holds) => holds(row));
}

function test(part, columns) {
  const comparison = part.match(COMPARISON);
  if (comparison) {
    const [, name, sign, number] = comparison;
    const column = columns.find(({ names }) => names?.includes(name.trim().toLowerCase()));
    if (!column) throw new Error(`No column "${name.trim()}"; compare ${columns.flatMap(({ names }) => names?.slice(0, 1) ?? []).join(", ")}.`);
    return (row) => Number.isFinite(column.value(row)) && HOLDS[sign](column.value(row), Number(number));
  }
  if (ELEMENT.test(part)) return ({ formula }) => Boolean(formula?.match(/[A-Z][a-z]?/g)?.includes(part));
  const wanted = part.toLowerCase();
  return (row) => [row.file, row.formula, row.confidence, row.warnings, row.refused].some((words) => words?.toLowerCase().includes(wanted));
}
