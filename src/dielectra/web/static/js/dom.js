// The only ways in which text reaches the page: textContent and attributes, never markup.

/** Return the element with an id. */
export const byId = (id) => document.getElementById(id);

/** Make an element with properties and children; a string child becomes text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Fill a definition list with pairs of term and description. */
export function define(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
}

/** Show a number with a fixed count of significant digits; what is zero but for rounding shows as zero. */
export function short(value, digits = 4) {
  if (value === null || value === undefined) return "-";
  const size = Math.abs(value);
  if (size < 1e-12) return "0";
  return size >= 1e5 || size < 1e-3 ? value.toExponential(digits - 1) : `${Number(value.toPrecision(digits))}`;
}
