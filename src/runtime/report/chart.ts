// A line chart: axes with round ticks, a tooltip on each mark.
import { escapeHtml, LETTER, widthOf, type Figure } from "./figure.ts";
import { logScale, niceScale, rangeOf, shortNumber } from "./scale.ts";

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
  /** What x counts; "step" unless given. */
  readonly xName?: string;
  /** Whole numbers of x by name, instead of the numbers. */
  readonly xNames?: readonly string[];
  /** Values of x that no line is drawn towards from the one before. */
  readonly breaks?: readonly number[];
  /** Powers of ten at equal distances, where all values are above 0. */
  readonly log?: boolean;
}

/** Of a whole chart: they take more room than its lines. */
const MOST_TIPS = 400;
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

/** A line's points, parted before each of the breaks. */
const parted = (points: Series["points"], breaks: readonly number[]): readonly Series["points"][] =>
  [-Infinity, ...breaks]
    .map((from, i) => points.filter(([x]) => x >= from && x < (breaks[i] ?? Infinity)))
    .filter((part) => part.length > 0);

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

interface Label {
  readonly text: string;
  /** Of its tick. */
  readonly x: number;
  readonly anchor: "start" | "middle" | "end";
  readonly from: number;
  readonly to: number;
}
/** Centred below its tick, unless it would leave the picture. */
const labelAt = (x: number, text: string, width: number): Label => {
  const length = LETTER * text.length;
  const anchor = x < length / 2 ? "start" : x + length / 2 > width ? "end" : "middle";
  const from = x - { start: 0, middle: length / 2, end: length }[anchor];
  return { text, x, anchor, from, to: from + length };
};
const LABEL_GAP = 8;
/** Every so many of them, so that none runs into the next. */
const clearLabels = (labels: readonly Label[], every = 1): readonly Label[] => {
  const kept = labels.filter((_, i) => i % every === 0);
  return kept.every(({ from }, i) => i === 0 || from >= kept[i - 1]!.to + LABEL_GAP)
    ? kept
    : clearLabels(labels, every + 1);
};

/** Undefined where there is nothing to draw. */
export const lineChart = (options: ChartOptions): Figure | undefined => {
  const { title, note, series, wide = false, xName = "step", xNames, breaks = [] } = options;
  const [width, height] = [widthOf({ wide }), wide ? 340 : 250];
  const drawn = series
    .map((s) => ({ ...s, points: s.points.filter(([, y]) => Number.isFinite(y)) }))
    .filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return undefined;
  const all = drawn.flatMap(({ points }) => points);
  const [x0, mostX] = rangeOf(all.map(([x]) => x));
  const x1 = Math.max(mostX, x0 + 1);
  const [lowest, highest] = rangeOf(all.map(([, y]) => y));
  const isLog = options.log === true && lowest > 0;
  const y = (isLog ? logScale : niceScale)(lowest, highest, wide ? 6 : 4);
  const along = (v: number): number =>
    isLog ? Math.log(v / y.from) / Math.log(y.to / y.from) : (v - y.from) / (y.to - y.from);
  const xTicks = niceScale(x0, x1, wide ? 8 : 4).ticks.filter(
    (t) => t >= x0 && t <= x1 && Number.isInteger(t),
  );
  const inner = {
    width: width - MARGIN.left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const nameOf = (x: number): string => xNames?.[x] ?? `${xName} ${shortNumber(x)}`;
  const at = (v: number): number => MARGIN.left + ((v - x0) / (x1 - x0)) * inner.width;
  const px = (v: number): string => at(v).toFixed(1);
  const py = (v: number): string => (MARGIN.top + (1 - along(v)) * inner.height).toFixed(1);
  const [left, right, bottom] = [MARGIN.left, width - MARGIN.right, height - MARGIN.bottom];

  const path = (points: Series["points"], style: string): string =>
    `<polyline fill="none" stroke-linejoin="round" stroke-linecap="round" ${style} points="${points.map(([a, b]) => `${px(a)},${py(b)}`).join(" ")}"/>`;
  const lines = drawn.map(({ name, colour, points, smooth, marks }) => {
    const few = thinned(points);
    const parts = parted(few, breaks);
    const stroke = `stroke="${colour}"`;
    const line =
      smooth === true
        ? path(few, `${stroke} stroke-width="1" opacity="0.28"`) +
          path(thinned(smoothed(points)), `${stroke} stroke-width="2"`)
        : parts.map((part) => path(part, `${stroke} stroke-width="2"`)).join("");
    const dots =
      marks === true || parts.some((part) => part.length === 1)
        ? few
            .map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="3.2" fill="${colour}"/>`)
            .join("")
        : "";
    // Wide invisible marks carry the tooltips.
    const every = Math.ceil((few.length * drawn.length) / MOST_TIPS);
    const tips = few
      .filter((_, i) => i % every === 0 || i === few.length - 1)
      .map(
        ([a, b]) =>
          `<circle cx="${px(a)}" cy="${py(b)}" r="7" fill="transparent"><title>${escapeHtml(name)} at ${escapeHtml(nameOf(a))}: ${shortNumber(b)}</title></circle>`,
      )
      .join("");
    return line + dots + tips;
  });
  const grid = y.ticks.map(
    (t) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${py(t)}" y2="${py(t)}"/><text x="${left - 8}" y="${py(t)}" dy="0.32em" text-anchor="end">${shortNumber(t)}</text>`,
  );
  const labels = xTicks.map((t) => labelAt(at(t), xNames?.[t] ?? shortNumber(t), width));
  const steps = clearLabels(labels).map(
    ({ text, x, anchor }) =>
      `<line class="tick" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${bottom}" y2="${bottom + 4}"/><text x="${x.toFixed(1)}" y="${bottom + 16}" text-anchor="${anchor}">${escapeHtml(text)}</text>`,
  );
  const axis = `<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text class="label" x="${right}" y="${height - 3}" text-anchor="end">${escapeHtml(xName)}</text>`;
  const drawing = [...grid, ...steps, axis, ...lines].join("");
  return { title, note, legend: drawn, wide, height, drawing };
};
