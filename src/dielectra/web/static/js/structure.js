// The unit cell in three dimensions, by 3Dmol, and as a table.

import { make, short } from "./dom.js";
import { elementColour, elementColours, palette } from "./palette.js";

const NEAR = 1e-3;
const MOST_DRAWN = 500;
const TURN = 15; // degrees
const KEYS = { ArrowLeft: ["y", -TURN], ArrowRight: ["y", TURN], ArrowUp: ["x", -TURN], ArrowDown: ["x", TURN] };
const ZOOMS = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 };

const FRONT = [0, 0, 0, 0, 0, 0, 0, 1]; // position, zoom and a quaternion: no rotation

const AXES = [["a", "#d8442f"], ["b", "#2f9e44"], ["c", "#3b7ddd"]];
const AXIS_SHARE = 0.35; // of the shortest lattice vector

const viewers = new WeakMap();

/** Draw a crystal; where the browser has no WebGL, say so. */
export function drawCrystal(container, crystal) {
  const count = crystal.species.length;
  container.setAttribute("aria-label", `Unit cell of ${crystal.formula}: ${count} atoms`);
  const viewer = count <= MOST_DRAWN ? viewerIn(container) : null;
  if (!viewer) {
    container.classList.add("none");
    container.textContent = count > MOST_DRAWN ? `${count} atoms: too many to draw.` : "No 3-D view: this browser has no WebGL.";
    return;
  }
  viewer.clear();
  viewer.removeAllLabels();
  viewer.setView(FRONT);
  const atoms = withImages(crystal), elements = { prop: "elem", map: elementColours() };
  const xyz = [atoms.length, "", ...atoms.map(({ element, position }) => `${element} ${position.join(" ")}`)].join("\n");
  viewer.addModel(xyz, "xyz").setStyle({}, { sphere: { scale: 0.3, colorscheme: elements }, stick: { radius: 0.09, colorscheme: elements } });
  const colours = palette();
  for (const [from, to] of edges(crystal.lattice)) viewer.addCylinder({ start: from, end: to, radius: 0.03, color: colours.soft });
  drawAxes(viewer, crystal.lattice, colours);
  viewer.setBackgroundColor(colours.page);
  viewer.zoomTo();
  viewer.zoom(0.9);
  viewer.rotate(-75, "x");
  viewer.rotate(18, "y");
  viewer.render();
}

/** Draw the directions of the lattice vectors beside a corner of the cell. */
function drawAxes(viewer, lattice, colours) {
  const size = AXIS_SHARE * Math.min(...lattice.map((vector) => Math.hypot(...vector)));
  const sum = [0, 1, 2].map((axis) => lattice.reduce((total, vector) => total + vector[axis] / Math.hypot(...vector), 0));
  const start = sum.map((value) => -0.45 * size * value);
  lattice.forEach((vector, index) => {
    const [name, color] = AXES[index];
    const end = vector.map((value, axis) => start[axis] + (size * value) / Math.hypot(...vector));
    const tip = vector.map((value, axis) => end[axis] + (0.25 * size * value) / Math.hypot(...vector));
    viewer.addArrow({ start: pointOf(start), end: pointOf(end), radius: 0.06, radiusRatio: 2.2, mid: 0.75, color });
    viewer.addLabel(name, { position: pointOf(tip), fontColor: colours.ink, fontSize: 13, showBackground: false, alignment: "center", inFront: true });
  });
}

const pointOf = ([x, y, z]) => ({ x, y, z });

/** List the elements of a crystal with their colours in the picture. */
export function showKey(list, { species }) {
  const counts = species.reduce((all, element) => all.set(element, (all.get(element) ?? 0) + 1), new Map());
  list.replaceChildren(...[...counts].map(([element, count]) => {
    const dot = make("i");
    dot.style.backgroundColor = elementColour(element);
    return make("li", {}, dot, `${element} ${count}`);
  }));
}

function viewerIn(container) {
  if (viewers.has(container)) return viewers.get(container);
  let viewer = null;
  try {
    if (document.createElement("canvas").getContext("webgl2")) viewer = $3Dmol.createViewer(container, { antialias: true });
  } catch { /* no WebGL after all */ }
  viewers.set(container, viewer);
  if (viewer) {
    container.addEventListener("keydown", (event) => {
      if (event.key in KEYS) viewer.rotate(KEYS[event.key][1], KEYS[event.key][0]);
      else if (event.key in ZOOMS) viewer.zoom(ZOOMS[event.key]);
      else return;
      event.preventDefault();
      viewer.render();
    });
    new ResizeObserver(() => viewer.resize()).observe(container);
  }
  return viewer;
}

const along = (lattice, [a, b, c]) => [0, 1, 2].map((axis) => a * lattice[0][axis] + b * lattice[1][axis] + c * lattice[2][axis]);

/** Return the atoms inside the cell, those on its faces, edges and corners repeated on the opposite ones. */
function withImages({ lattice, species, frac_coords: coords }) {
  return species.flatMap((element, index) => {
    const inside = coords[index].map((value) => ((value % 1) + 1) % 1).map((value) => (value > 1 - NEAR ? 0 : value));
    const choices = inside.map((value) => (value < NEAR ? [value, value + 1] : [value]));
    return choices[0].flatMap((a) => choices[1].flatMap((b) => choices[2].map((c) => ({ element, position: along(lattice, [a, b, c]) }))));
  });
}

/** Return the twelve edges of the cell as pairs of points. */
function edges(lattice) {
  const point = (coords) => pointOf(along(lattice, coords));
  const corners = [[0, 0], [0, 1], [1, 0], [1, 1]];
  return [0, 1, 2].flatMap((axis) => corners.map((corner) => {
    const [from, to] = [0, 1].map((end) => corner.toSpliced(axis, 0, end));
    return [point(from), point(to)];
  }));
}

/** Fill a table with the lattice vectors and the atoms. */
export function tabulateCrystal(table, { lattice, species, frac_coords: coords }) {
  const row = (head, values) => make("tr", {}, make("th", { scope: "row" }, head), ...values.map((value) => make("td", {}, short(value, 6))));
  const title = (text) => make("tr", {}, make("th", { colSpan: 4, scope: "rowgroup" }, text));
  table.replaceChildren(
    title("Lattice vectors (Å)"), ...lattice.map((vector, index) => row("abc"[index], vector)),
    title("Fractional coordinates"), ...species.slice(0, MOST_DRAWN).map((element, index) => row(element, coords[index])),
  );
}
