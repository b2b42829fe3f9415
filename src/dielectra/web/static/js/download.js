// Files for the user, made in the page.

import { make } from "./dom.js";

/** Hand a blob or text to the user as a file. */
export function save(content, name, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Return a file name without its folder and ending, in letters that every system takes. */
export const stem = (name) => name.replace(/^.*[/\\]/, "").replace(/\.[^.]*$/, "").replace(/[^\w.-]+/g, "_") || "crystal";

/** Return rows as CSV. */
export const csv = (rows) =>
  rows.map((row) => row.map((cell) => (/[",\n]/.test(`${cell}`) ? `"${`${cell}`.replaceAll('"', '""')}"` : cell)).join(",")).join("\r\n") + "\r\n";
