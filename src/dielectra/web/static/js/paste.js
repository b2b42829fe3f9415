// Structures as text: pasted anywhere, or into the dialog.

import { byId } from "./dom.js";

const CIF = /^\s*(#.*\n\s*)*data_|_cell_length_a/m;

/** Return pasted text as a structure file: a CIF by its keywords, JSON lines by their brace, else a POSCAR. */
export function fileOfText(text) {
  if (!text.trim()) throw new Error("Nothing was pasted; paste the text of a CIF or POSCAR.");
  if (CIF.test(text)) return new File([text], "pasted.cif");
  if (text.trimStart().startsWith("{")) return new File([text], "pasted.jsonl");
  return new File([text], "POSCAR-pasted");
}

const isWritable = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable;

/** Open what is pasted; `openFiles` takes files, `fail` an error. */
export function listenToPaste(openFiles, fail) {
  const open = (text) => {
    try {
      openFiles([fileOfText(text)]);
    } catch (error) {
      fail(error);
    }
  };
  document.addEventListener("paste", (event) => {
    if (isWritable(event.target)) return;
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData("text/plain");
    if (files.length) openFiles(files);
    else if (text.includes("\n")) open(text);
    else return;
    event.preventDefault();
  });
  const dialog = byId("paste-dialog"), area = byId("pasted");
  byId("paste").addEventListener("click", () => {
    dialog.returnValue = "";
    dialog.showModal();
    area.focus();
  });
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "open") open(area.value);
    area.value = "";
  });
}
