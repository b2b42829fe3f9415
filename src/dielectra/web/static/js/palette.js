// The colours of charts, for the page and for pictures of it in either scheme; hues after Okabe and Ito.

export const PALETTES = {
  light: {
    page: "#ffffff", ink: "#15191e", soft: "#5a6470", grid: "#e9ecef", measured: "#15191e",
    series: ["#0063b1", "#c44a00", "#007a56", "#9a3d8f", "#8a6500", "#3a8fc4", "#b3263a", "#4d5560"],
  },
  dark: {
    page: "#101317", ink: "#eceff3", soft: "#a3adb9", grid: "#262c33", measured: "#f4f6f8",
    series: ["#62b5f5", "#f2a03d", "#35c79a", "#dd8fd2", "#d9c046", "#9ad0f0", "#ff8f8f", "#b5bec9"],
  },
};

const darkScheme = matchMedia("(prefers-color-scheme: dark)");

export const schemeName = () => (darkScheme.matches ? "dark" : "light");
export const palette = () => PALETTES[schemeName()];

/** Return the colour of a curve: a hue of the series, or that of measurements. */
export const colourOf = ({ hue }, colours) => (hue < 0 ? colours.measured : colours.series[hue % colours.series.length]);
export const onSchemeChange = (action) => darkScheme.addEventListener("change", action);

// Elements that Jmol gives nearly the colour of others they are often with, in those of VESTA.
const OTHERS = { Be: 0x5ed77b, F: 0xb0b9e6, Mg: 0xfb7b15, Ca: 0x5a96bd, Rb: 0xff0099, Cs: 0x0effb9 };

/** Return the colours of chemical elements by symbol, as 3Dmol takes them. */
export const elementColours = () => ({ ...globalThis.$3Dmol?.elementColors?.Jmol, ...OTHERS });

/** Return the colour of a chemical element. */
export function elementColour(symbol) {
  const value = elementColours()[symbol];
  return value === undefined ? "#ff1493" : `#${value.toString(16).padStart(6, "0")}`;
}
