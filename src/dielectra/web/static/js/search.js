// The search of the shipped crystals: a combobox after the ARIA pattern.

import { byId, debounced, formulaOf, groupSymbol, make } from "./dom.js";
import { search } from "./server.js";

const PAUSE = 150; // milliseconds
const MOST = 12;

/** Make the search work; `open(id)` opens a crystal. */
export function listenToSearch(open) {
  const input = byId("query"), list = byId("found");
  let found = [], chosen = -1, asking = null;

  function show(items) {
    list.replaceChildren(...items);
    list.hidden = items.length === 0;
    input.setAttribute("aria-expanded", String(items.length > 0));
    choose(-1);
  }

  function choose(place) {
    chosen = place;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === place)));
    if (place >= 0) {
      input.setAttribute("aria-activedescendant", `found-${place}`);
      list.children[place].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function take(place) {
    const { id } = found[place];
    show([]);
    input.value = "";
    open(id);
  }

  const ask = debounced(async () => {
    asking?.abort();
    const words = input.value.trim();
    if (!words) return show([]);
    const current = asking = new AbortController();
    try {
      const answer = await search(words, MOST, current.signal);
      found = answer.crystals;
      show(found.length ? found.map(item) : [nothing(`No shipped crystal holds all of ${words}.`)]);
    } catch (error) {
      found = [];
      if (error.name !== "AbortError") show([nothing(error.message)]);
    }
  }, PAUSE);

  const item = (one, index) => {
    const line = make("li", { id: `found-${index}`, role: "option", "aria-selected": "false" },
      formulaOf(one.formula), make("small", {}, groupSymbol(one.space_group_symbol)), make("small", {}, one.gap_ev === undefined ? "" : `PBE gap ${one.gap_ev} eV`));
    line.addEventListener("pointerdown", (event) => { event.preventDefault(); take(index); });
    return line;
  };

  input.addEventListener("input", ask);
  input.addEventListener("focus", ask);
  input.addEventListener("blur", () => show([]));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show([]);
    else if (found.length === 0 || list.hidden) return;
    else if (event.key === "ArrowDown") choose((chosen + 1) % found.length);
    else if (event.key === "ArrowUp") choose((chosen - 1 + found.length) % found.length);
    else if (event.key === "Enter") take(Math.max(chosen, 0));
    else return;
    event.preventDefault();
  });
}

const nothing = (words) => make("li", { className: "nothing", role: "option", "aria-disabled": "true", "aria-selected": "false" }, words);
