// Patches of colour, each with words for those who do not see it.

import { make } from "./dom.js";

/** Return whether colours for other gaps differ at all. */
export const variesIn = (colours) => Boolean(colours) && new Set(colours).size > 1;

/** Return the colours of a crystal whose gap is smaller or larger than predicted, as one strip. */
export const strip = (colours) => make("span", { className: "strip" }, ...colours.map((hex, place) => swatch(hex, BY_GAP[place])));
const BY_GAP = ["gap at the lower end of its interval", "gap a little smaller", "gap a little larger", "gap at the upper end of its interval"];

/** Return a patch of a colour with words for those who do not see it. */
export function swatch(hex, words) {
  const patch = make("span", { className: "swatch", role: "img", "aria-label": `${words}: ${hex}`, title: `${words}: ${hex}` });
  patch.style.backgroundColor = hex;
  return patch;
}
