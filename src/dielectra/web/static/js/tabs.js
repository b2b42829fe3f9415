// A tab list after the ARIA pattern: arrow keys, Home and End move; the chosen tab is the one in the tab order.

import { make } from "./dom.js";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/** Fill a tab list with `{id, title}`; return a function that marks one as chosen. `onChoose` is told what a user chooses. */
export function makeTabs(list, panel, tabs, onChoose) {
  const buttons = tabs.map(({ id, title }) =>
    make("button", { type: "button", id: `tab-${id}`, role: "tab", "aria-controls": panel.id }, title));
  list.replaceChildren(...buttons);

  function mark(id) {
    buttons.forEach((button, index) => {
      const chosen = tabs[index].id === id;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen) list.scrollLeft = button.offsetLeft - list.offsetLeft - (list.clientWidth - button.offsetWidth) / 2;
    });
    panel.setAttribute("aria-labelledby", `tab-${id}`);
  }

  buttons.forEach((button, index) => {
    button.addEventListener("click", () => onChoose(tabs[index].id));
    button.addEventListener("keydown", (event) => {
      let target = null;
      if (event.key in STEPS) target = (index + STEPS[event.key] + tabs.length) % tabs.length;
      if (event.key === "Home") target = 0;
      if (event.key === "End") target = tabs.length - 1;
      if (target === null) return;
      event.preventDefault();
      onChoose(tabs[target].id);
      buttons[target].focus();
    });
  });
  return mark;
}
