// A line chart as inline SVG: axes with round ticks, a legend, a tooltip on each mark. Colours are CSS variables, so that one
// drawing serves light and dark.
import { niceScale, shortNumber } from "./scale.ts";

export interface Series {
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn faintly beneath its own running mean. */
  readonly smooth?: boolean;
  /** A mark on each point, for few points. */
  readonly marks?: boolean;
}
export interface ChartOptions {
  readonly title: string;
  readonly note?: string;
  readonly series: readonly Series[];
  readonly wide?: boolean;
}

export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");

const MARGIN = { left: 52, right: 14, top: 10, bottom: 34 } as const;
/** More points than pixels only make a file large. */
const MOST_POINTS = 600;

const thinned = (points: Series["points"]): Series["points"] => {
  if (points.length <= MOST_POINTS) return points;
  const step = points.length / MOST_POINTS;
  return Array.from(
    { length: MOST_POINTS },
    (_, i) => points[Math.min(points.length - 1, Math.floor((i + 1) * step) - 1)]!,
  );
};

/** Exponential running mean, free of the bias of its beginning. */
const smoothed = (points: Series["points"]): Series["points"] => {
  const keep = Math.max(0, 1 - 30 / Math.max(60, points.length));
  let [mean, weight] = [0, 0];
  return points.map(([x, y]) => {
    mean = keep * mean + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return [x, mean / weight];
  });
};

export const lineChart = ({ title, note, series, wide = false }: ChartOptions): string => {
  const [width, height] = wide ? [920, 340] : [450, 250];
  const drawn = series
    .map((s) => ({ ...s, points: s.points.filter(([, y]) => Number.isFinite(y)) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return "";
  const all = drawn.flatMap(({ points }) => points);
  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => y);
  const lowest = (values: readonly number[]): number =>
    values.reduce((a, b) => Math.min(a, b), Infinity);
  const highest = (values: readonly number[]): number =>
    values.reduce((a, b) => Math.max(a, b), -Infinity);
  const [x0, x1] = [lowest(xs), Math.max(highest(xs), lowest(xs) + 1)];
  const y = niceScale(lowest(ys), highest(ys), wide ? 6 : 4);
  const xTicks = niceScale(x0, x1, wide ? 8 : 4).ticks.filter((t) => t >= x0 && t <= x1);
  const inner = {
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const px = (v: number): string => (MARGIN.left + ((v - x0) / (x1 - x0)) * inner.width).toFixed(1);
  const py = (v: number): string =>
    (MARGIN.top + (1 - (v - y.from) / (y.to - y.from)) * inner.height).toFixed(1);
  const [left, right, bottom] = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom];

  const path = (points: Series["points"], style: string): string =>
    `<polyline fill="none" stroke-linejoin="round" stroke-linecap="round" ${style} points="${points.map(([a, b]) => `${px(a)},${py(b)}`).join(" ")}"/>`;
  const lines = drawn.map(({ name, colour, points, smooth, marks }) => {
    const few = thinned(points);
    const stroke = `stroke="${colour}"`;
    const line =
      smooth === true
        ? path(few, `${stroke} stroke-width="1" opacity="0.28"`) +
          path(thinned(smoothed(points)), `${stroke} stroke-width="2"`)
        : path(few, `${stroke} stroke-width="2"`);
    const dots =
      marks === true || points.length === 1
        ? few
            .map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="3.2" fill="${colour}"/>`)
            .join("")
        : "";
    // Wide invisible marks carry the tooltips.
    const every = Math.ceil(few.length / 120);
    const tips = few
      .filter((_, i) => i % every === 0 || i === few.length - 1)
      .map(
        ([a, b]) =>
          `<circle cx="${px(a)}" cy="${py(b)}" r="7" fill="transparent"><title>${escapeHtml(name)} at step ${shortNumber(a)}: ${shortNumber(b)}</title></circle>`,
      )
      .join("");
    return line + dots + tips;
  });
  const grid = y.ticks.map(
    (t) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${py(t)}" y2="${py(t)}"/><text x="${left - 8}" y="${py(t)}" dy="0.32em" text-anchor="end">${shortNumber(t)}</text>`,
  );
  const steps = xTicks.map(
    (t) =>
      `<line class="tick" x1="${px(t)}" x2="${px(t)}" y1="${bottom}" y2="${bottom + 4}"/><text x="${px(t)}" y="${bottom + 16}" text-anchor="middle">${shortNumber(t)}</text>`,
  );
  const axis = `<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text class="label" x="${right}" y="${height - 3}" text-anchor="end">step</text>`;
  const legend =
    drawn.length < 2
      ? ""
      : `<p class="legend">${drawn.map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escapeHtml(name)}</span>`).join("")}</p>`;
  return `<figure class="${wide ? "wide" : ""}"><figcaption><b>${escapeHtml(title)}</b>${note === undefined ? "" : ` <small>${escapeHtml(note)}</small>`}</figcaption>${legend}
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${grid.join("")}${steps.join("")}${axis}${lines.join("")}</svg></figure>`;
};
