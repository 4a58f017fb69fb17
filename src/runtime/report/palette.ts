// Colours that stand for numbers between 0 and 1.

/** Of what stands at i among count in the order of depth: from blue at the first to red at the last. */
export const depthColour = (i: number, count: number): string =>
  `hsl(${Math.round(225 - (225 * i) / Math.max(1, count - 1))} 68% var(--depth))`;

/** Colours of the theme, which are told apart best. */
const THEME_RUNS = 8;
/** Of one among several runs; further ones turn by the golden angle, so that none comes again. */
export const runColour = (i: number): string =>
  i < THEME_RUNS ? `var(--run${i})` : `hsl(${Math.round(137.5 * i) % 360} 45% var(--depth))`;
/** Of one among the parts of a model, told from the model's own, which is that of the second run. */
export const partColour = (i: number): string => runColour(i === 0 ? 0 : i + 1);

/** Dark to bright at equal steps of lightness, as matplotlib's viridis has them. */
const STOPS = ["440154", "414487", "2a788e", "22a884", "7ad151", "fde725"].map((hex) =>
  [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
);
export const heatColour = (share: number): string => {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  const [a, b] = [STOPS[low]!, STOPS[low + 1]!];
  const mixed = a.map((x, i) => Math.round(x + (at - low) * (b[i]! - x)));
  return `#${mixed.map((x) => x.toString(16).padStart(2, "0")).join("")}`;
};
