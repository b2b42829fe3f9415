// Calls of the JSON API. A refusal becomes an Error with the server's sentence.

async function answered(response) {
  if (response.ok) return response;
  let sentence = `The server answered ${response.status}.`;
  try {
    sentence = (await response.json()).detail;
  } catch { /* not JSON: keep the status */ }
  throw new Error(sentence);
}

async function call(path, options) {
  try {
    return await answered(await fetch(path, options));
  } catch (error) {
    if (error instanceof TypeError) throw new Error("The server cannot be reached, or refused a file as too large.");
    throw error;
  }
}

function form(files) {
  const body = new FormData();
  for (const file of files) body.append("file", file, file.name);
  return { method: "POST", body };
}

const json = async (path, options) => (await call(path, options)).json();
const query = (path, parameters) => `${path}?${new URLSearchParams(parameters)}`;

export const service = () => json("api/service");
export const models = () => json("api/models");
export const elements = () => json("api/elements");
export const text = async (url) => (await call(url)).text();
const asked = (level, metals) => (metals ? { level, allow_metals: true } : { level });
export const predict = (file, level, metals) => json(query("api/predict", { ...asked(level, metals), members: true }), form([file]));
export const structures = (file) => json("api/structure", form([file]));
export const table = async (file, level, metals) => (await call(query("api/csv", asked(level, metals)), form([file]))).blob();
export const search = (words, limit, signal) => json(query("api/crystals", { query: words, limit }), { signal });
export const catalogued = (id) => json(`api/crystals/${encodeURIComponent(id)}`);
export const alike = (formula, near) => json(query("api/alike", [["formula", formula], ...near.map((id) => ["near", id])]));
export const measured = (formula, spaceGroup) =>
  json(query("api/measured", { formula, space_group: spaceGroup }));

/** Ask for a derived property: "colour", "solar" or "stack". */
export const derived = (property, request, signal) =>
  json(`api/${property}`, {
    method: "POST", signal, headers: { "content-type": "application/json" }, body: JSON.stringify(request),
  });

/** Predict many files one by one; yield each line of the answer as soon as it is there. */
export async function* batch(files, level, curves, signal) {
  const response = await call(query("api/batch", { level, curves }), { ...form(files), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}
