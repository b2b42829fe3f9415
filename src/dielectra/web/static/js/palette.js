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

/** Colours of chemical elements after Jmol, as 3Dmol draws them. */
export function elementColour(symbol) {
  const value = globalThis.$3Dmol?.elementColors?.Jmol?.[symbol];
  return value === undefined ? "#ff1493" : `#${value.toString(16).padStart(6, "0")}`;
}
