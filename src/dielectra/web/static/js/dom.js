// The only ways in which text reaches the page: textContent and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const GROUPED = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

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

/** Make an SVG element with attributes and children. */
export function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Make a button of some text or an element that does something. */
export function button(content, onClick, properties = {}) {
  const element = make("button", { type: "button", ...properties }, content);
  element.addEventListener("click", onClick);
  return element;
}

/** Fill a definition list with pairs of term and description; a description may be an element. */
export function define(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));
}

/** Fill a definition list with large numbers, each a group of its term and description. */
export function defineFigures(list, pairs) {
  list.replaceChildren(...pairs.map(([term, text]) => make("div", {}, make("dt", {}, term), make("dd", {}, text))));
}

/** Return a formula with its numbers as subscripts. */
export function formulaOf(formula) {
  const parts = formula.split(/(\d+(?:\.\d+)?)/).filter(Boolean);
  return make("span", { className: "formula" }, ...parts.map((part) => (/^\d/.test(part) ? make("sub", {}, part) : part)));
}

/** Return a formula as text with subscript digits, for charts. */
export const flatFormula = (formula) => formula.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);

/** Show a number with a fixed count of significant digits; what is zero but for rounding shows as zero. */
export function short(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size < 1e-12) return "0";
  if (size >= 1e6 || size < 1e-3) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return `${Number(mantissa)}e${Number(exponent)}`;
  }
  return size >= 1e4 ? GROUPED.format(Number(value.toPrecision(digits))).replaceAll(",", " ") : `${Number(value.toPrecision(digits))}`;
}

/** Show an interval with the digits its width deserves, the same behind the point at both ends, or nothing without one. */
export function interval(lower, upper) {
  if (![lower, upper].every(Number.isFinite) || upper - lower < 1e-9) return "";
  const most = Math.max(Math.abs(lower), Math.abs(upper));
  if (most >= 1e4 || (most > 0 && most < 1e-3)) return `${short(lower, 3)} to ${short(upper, 3)}`;
  const places = Math.min(Math.max(1 - Math.floor(Math.log10(Math.max(upper - lower, 1e-12))), 0), 4);
  return `${plain(lower, places)} to ${plain(upper, places)}`;
}

/** Show a number with so many digits behind the point; zero has no sign. */
export const plain = (value, places) => (value === 0 ? "0" : value.toFixed(places)).replace(/^-(0(?:\.0*)?)$/, "$1");

/** Return a Hermann-Mauguin symbol such as "P 63/m m c" as it is printed: screw axes as subscripts, bars above. */
export function groupSymbol(symbol) {
  const below = (digits) => digits.replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
  return symbol.split(" ").map((part) => part.replace(/-(\d)/, "$1\u0305").replace(/^(\d)(\d)/, (_, axis, screw) => axis + below(screw))).join("");
}

/** Call a function once a stream of events has paused. */
export function debounced(action, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
}
