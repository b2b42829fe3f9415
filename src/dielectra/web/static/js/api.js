// The operations of the API, as the server's OpenAPI description has them.

import { byId, make } from "./dom.js";

const nameOf = (schema) => schema.$ref.split("/").at(-1);

/** Say what a schema takes, in words. */
function kind(schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "array") return `list of ${schema.items ? kind(schema.items) : "values"}`;
  if (schema.format === "binary" || schema.contentMediaType) return "file";
  return schema.type ?? "value";
}

function rows(schema) {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].filter((key) => key in field).map((key) => `${key} ${field[key]}`);
    const needed = schema.required?.includes(name) ? "needed" : JSON.stringify(field.default ?? null);
    return [name, kind(field), needed, [field.description, ...limits].filter(Boolean).join("; ")];
  });
}

function table(heads, lines) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = lines.map((line) => make("tr", {}, ...line.map((text) => make("td", {}, text))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}

const resolved = (schema, schemas) => (schema.$ref ? schemas[nameOf(schema)] : schema);

function section(path, method, operation, schemas) {
  const parts = [make("h2", {}, `${method.toUpperCase()} ${path}`), make("p", {}, operation.description ?? "")];
  const queries = (operation.parameters ?? []).map(({ name, schema, required, description }) =>
    [name, kind(schema), required ? "needed" : JSON.stringify(schema.default ?? null), description ?? ""]);
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const fields = bodies.flatMap(([, { schema }]) => rows(resolved(schema, schemas)));
  if (queries.length) parts.push(make("h3", {}, "Query"), table(["name", "type", "default", "remarks"], queries));
  if (fields.length) parts.push(make("h3", {}, `Body (${bodies[0][0]})`), table(["field", "type", "default", "remarks"], fields));
  const answers = Object.entries(operation.responses["200"].content ?? {}).map(([type, { schema }]) => `${type}${schema ? `: ${kind(schema)}` : ""}`);
  parts.push(make("p", {}, `Answers ${answers.join(", ")}.`));
  return make("section", {}, ...parts);
}

const description = await (await fetch("../openapi.json")).json();
const { schemas } = description.components;
byId("example").textContent = `curl -F file=@crystal.cif "${location.origin}/api/predict?level=rpa"`;
byId("operations").append(
  ...Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(path, method, operation, schemas))),
);
const types = Object.entries(schemas).filter(([name, schema]) => schema.properties && !name.startsWith("Body_"));
byId("operations").append(make("section", {}, make("h2", {}, "Types"),
  ...types.flatMap(([name, schema]) => [make("h3", {}, name), make("p", {}, schema.description ?? ""), table(["field", "type", "default", "remarks"], rows(schema))])));
