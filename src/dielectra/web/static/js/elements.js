// The periodic table of support: a click on an element lists the shipped crystals that hold it.

import { button, byId, formulaOf, groupSymbol, make } from "./dom.js";
import { elements, search } from "./server.js";

const SOME = 10, MANY = 50;
const MOST = 120;
const LIST = new Intl.ListFormat("en-GB");

/** Make the table open and its elements list crystals; `open(id)` opens one. */
export function listenToElements(open, attempt) {
  const toggle = byId("show-elements"), section = byId("elements");
  toggle.addEventListener("click", () => attempt(async () => {
    section.hidden = !section.hidden;
    toggle.setAttribute("aria-expanded", String(!section.hidden));
    if (!section.hidden && !byId("table").firstChild) fill(await elements(), open, attempt);
  }));
}

function fill(all, open, attempt) {
  const grid = make("div", { className: "periodic" }, ...all.map((one) => {
    const cell = button(one.symbol, () => attempt(() => list(one, open)), {
      className: className(one), title: words(one), "aria-label": `${one.symbol}: ${words(one)}`, "aria-pressed": "false", disabled: one.crystals === 0,
    });
    cell.append(make("small", {}, one.crystals ? `${one.training}` : ""));
    cell.id = `element-${one.symbol}`;
    cell.style.gridRow = one.row;
    cell.style.gridColumn = one.column;
    return cell;
  }));
  byId("table").replaceChildren(grid);
  const known = all.filter(({ levels }) => levels.length > 0).length;
  byId("elements-key").textContent = `${known} elements are in the training; others are predicted with a warning, or refused. The number counts the training crystals that hold the element: the stronger its colour, the more. `
    + `Fewer than ${SOME} mean doubt. Choose an element to list its crystals.`;
}

function className({ levels, training }) {
  if (levels.length === 0 || training === 0) return "unknown";
  return training < SOME ? "few" : training < MANY ? "some" : "many";
}

function words({ levels, training, median_similarity: similarity }) {
  const known = levels.length ? `trained at ${LIST.format(levels.map((level) => level.toUpperCase()))}` : "not in the training";
  return `${known}, ${training} training crystal${training === 1 ? "" : "s"}${similarity === undefined ? "" : `, similarity of held-out ones ${similarity.toFixed(2)}`}`;
}

async function list(one, open) {
  for (const cell of byId("table").querySelectorAll("button")) cell.setAttribute("aria-pressed", String(cell.id === `element-${one.symbol}`));
  const { total, crystals } = await search(one.symbol, MOST);
  const items = crystals.map(({ id, formula, space_group_symbol: symbol }) =>
    make("li", {}, button(formulaOf(formula), () => open(id), { "aria-label": `Open ${formula}, ${symbol}` }), " ", make("small", {}, groupSymbol(symbol))));
  byId("element-crystals").replaceChildren(make("p", { className: "hint" }, `${one.symbol}: ${words(one)}. ${total} crystals${total > MOST ? `, the simplest ${MOST} of them` : ""}:`),
    make("ul", { tabIndex: 0, role: "list", "aria-label": `Crystals with ${one.symbol}` }, ...items));
}
