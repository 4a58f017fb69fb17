// A line chart: axes with round ticks, a tooltip on each mark.
import { grouped, measureText, measureTick } from "../../bundle/numbers.ts";
import {
  escapeHtml,
  LETTER,
  widthOf,
  type Drawing,
  type Figure,
  type LegendEntry,
} from "./figure.ts";
import { clearLabels, labelAt } from "./labels.ts";
import { logScale, niceScale, rangeOf } from "./scale.ts";

export type Points = readonly (readonly [x: number, y: number])[];
export interface Series {
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  readonly points: Points;
  /** Drawn faintly beneath its own running mean. */
  readonly smooth?: boolean;
  /** A mark on each point, for few points. */
  readonly marks?: boolean;
}
export interface ChartOptions {
  readonly title: string;
  readonly note?: string;
  readonly series: readonly Series[];
  /** What colours mean; the series where there are several, unless given. */
  readonly legend?: readonly LegendEntry[];
  readonly ordered?: boolean;
  readonly wide?: boolean;
  /** What x counts; "step" unless given. */
  readonly xName?: string;
  /** Whole numbers of x by name, instead of the numbers. */
  readonly xNames?: readonly string[];
  /** Where x begins; with its first value unless given. */
  readonly from?: number;
  /** Values of x that no line is drawn towards from the one before. */
  readonly breaks?: readonly number[];
  /** Powers of ten at equal distances, where all values are above 0. */
  readonly log?: boolean;
  /** A value beside a mark, and as short as can be beside the axis. */
  readonly text?: (y: number) => string;
  readonly tick?: (y: number) => string;
}

/** Of a whole chart: they take more room than its lines. */
const MOST_TIPS = 300;
/** `left`: at least, where what stands beside the axis is short. */
const MARGIN = { left: 52, right: 14, top: 10, bottom: 34 } as const;
/** More points than pixels only make a file large. */
const mostPoints = (wide: boolean): number => (wide ? 600 : 300);

/** Of each part of many points the lowest and the highest, so that no peak is lost; and where the line ends. */
const thinned = (points: Points, most: number): Points => {
  if (points.length <= most) return points;
  const parts = Math.floor(most / 2);
  const kept = Array.from({ length: parts }, (_, i) => {
    const part = points.slice(
      Math.floor((i * points.length) / parts),
      Math.floor(((i + 1) * points.length) / parts),
    );
    const ordered = part.toSorted(([, a], [, b]) => a - b);
    return [ordered[0]!, ordered.at(-1)!].toSorted(([a], [b]) => a - b);
  });
  return [...kept.flat(), points.at(-1)!];
};

/** A line's points, parted before each of the breaks. */
const parted = (points: Points, breaks: readonly number[]): readonly Points[] =>
  [-Infinity, ...breaks]
    .map((from, i) => points.filter(([x]) => x >= from && x < (breaks[i] ?? Infinity)))
    .filter((part) => part.length > 0);

/** Of all points, to each side of the one in the middle. */
const SMOOTHED = 1 / 80;
/** Mean of a point and as many before as after it: one of those before alone would lag behind a line that falls. */
const meansOf = (points: Points): Points => {
  const most = Math.max(2, Math.round(points.length * SMOOTHED));
  const sums = [0];
  for (const [, y] of points) sums.push(sums.at(-1)! + y);
  return points.map(([x], i) => {
    const before = Math.min(most, i);
    // as far ahead as back where it falls, at the beginning; what is left at the end, or it would end on one step's noise
    const after = Math.min(before, points.length - 1 - i);
    return [x, (sums[i + after + 1]! - sums[i - before]!) / (before + after + 1)];
  });
};
/** Means of means: near ones weigh more, so that a peak leaves a hill and no table. */
const smoothed = (points: Points): Points => meansOf(meansOf(points));

interface Line extends Series {
  /** The running mean of a smooth one. */
  readonly mean: Points;
}
const lineOf = (series: Series, from: number): Line => {
  const points = series.points.filter(([, y]) => Number.isFinite(y));
  const later = (some: Points): Points => some.filter(([x]) => x >= from);
  const mean = series.smooth === true ? later(smoothed(points)) : [];
  return { ...series, points: later(points), mean };
};

const drawChart = (
  options: ChartOptions,
  drawn: readonly Line[],
  { wide, tips }: { readonly wide: boolean; readonly tips: boolean },
): Drawing => {
  const { xName = "step", xNames, breaks = [], text = measureText, tick = measureTick } = options;
  const [width, height, most] = [widthOf({ wide }), wide ? 340 : 250, mostPoints(wide)];
  const all = drawn.flatMap(({ points }) => points);
  const [leastX, mostX] = rangeOf(all.map(([x]) => x));
  const x0 = options.from ?? leastX;
  const x1 = mostX > x0 ? mostX : x0 + 1;
  const [lowest, highest] = rangeOf(all.map(([, y]) => y));
  const isLog = options.log === true && lowest > 0;
  const y = (isLog ? logScale : niceScale)(lowest, highest, wide ? 6 : 4);
  const along = (v: number): number =>
    isLog ? Math.log(v / y.from) / Math.log(y.to / y.from) : (v - y.from) / (y.to - y.from);
  // a name for each branch rather than names at equal distances
  const xTicks =
    breaks.length > 0
      ? [x0, ...breaks]
      : niceScale(x0, x1, 8).ticks.filter(
          (t) => t >= x0 && t <= x1 && (xNames === undefined || Number.isInteger(t)),
        );
  const longest = Math.max(...y.ticks.map((t) => tick(t).length));
  const left = Math.max(MARGIN.left, 14 + LETTER * longest);
  const inner = {
    width: width - left - MARGIN.right,
    height: height - MARGIN.top - MARGIN.bottom,
  };
  const tickOf = (x: number): string =>
    xNames?.[x] ?? (Number.isInteger(x) ? grouped(x) : measureTick(x));
  const at = (v: number): number => left + ((v - x0) / (x1 - x0)) * inner.width;
  const px = (v: number): string => at(v).toFixed(1);
  const py = (v: number): string => (MARGIN.top + (1 - along(v)) * inner.height).toFixed(1);
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom];

  const path = (points: Points, style: string): string =>
    `<polyline fill="none" stroke-linejoin="round" stroke-linecap="round" ${style} points="${points.map(([a, b]) => `${px(a)},${py(b)}`).join(" ")}"/>`;
  const lines = drawn.map(({ name, colour, points, mean, marks }) => {
    const few = thinned(points, most);
    const parts = parted(few, breaks);
    const stroke = `stroke="${colour}"`;
    const line =
      mean.length > 0
        ? path(few, `${stroke} stroke-width="1" opacity="var(--faint)"`) +
          path(thinned(mean, most), `${stroke} stroke-width="2"`)
        : parts.map((part) => path(part, `${stroke} stroke-width="2"`)).join("");
    const dots =
      marks === true || parts.some((part) => part.length === 1)
        ? few
            .map(([a, b]) => `<circle cx="${px(a)}" cy="${py(b)}" r="3.2" fill="${colour}"/>`)
            .join("")
        : "";
    if (!tips) return line + dots;
    // Wide invisible marks carry the tooltips.
    const every = Math.ceil((few.length * drawn.length) / MOST_TIPS);
    const told = few
      .filter((_, i) => i % every === 0 || i === few.length - 1)
      .map(([a, b]) => {
        const where = xNames?.[a] ?? `${xName} ${tickOf(a)}`;
        return `<circle cx="${px(a)}" cy="${py(b)}" r="7" fill="transparent"><title>${escapeHtml(name)} at ${escapeHtml(where)}: ${text(b)}</title></circle>`;
      });
    return line + dots + told.join("");
  });
  const grid = y.ticks.map(
    (t) =>
      `<line class="grid" x1="${left}" x2="${right}" y1="${py(t)}" y2="${py(t)}"/><text x="${left - 8}" y="${py(t)}" dy="0.32em" text-anchor="end">${tick(t)}</text>`,
  );
  const labels = xTicks.map((t) => labelAt(at(t), tickOf(t), width));
  const steps = clearLabels(labels).map(
    (label) =>
      `<line class="tick" x1="${label.x.toFixed(1)}" x2="${label.x.toFixed(1)}" y1="${bottom}" y2="${bottom + 4}"/><text x="${label.x.toFixed(1)}" y="${bottom + 16}" text-anchor="${label.anchor}">${escapeHtml(label.text)}</text>`,
  );
  const axis = `<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text class="label" x="${right}" y="${height - 3}" text-anchor="end">${escapeHtml(xName)}</text>`;
  return { height, drawing: [...grid, ...steps, axis, ...lines].join("") };
};

/** Undefined where there is nothing to draw. */
export const lineChart = (options: ChartOptions): Figure | undefined => {
  const { title, note, ordered, series, wide = false, from = -Infinity } = options;
  const drawn = series.map((one) => lineOf(one, from)).filter(({ points }) => points.length > 0);
  if (drawn.length === 0) return undefined;
  const legend = options.legend ?? (drawn.length > 1 ? drawn : []);
  return {
    ...{ title, note, legend, ordered, wide },
    ...drawChart(options, drawn, { wide, tips: true }),
    // what is touched shows no tooltip
    ...(wide && { narrow: drawChart(options, drawn, { wide: false, tips: false }) }),
  };
};
