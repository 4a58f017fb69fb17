// A table of numbers as colours: one row for each place, the first below, so that depth grows upwards.
import { grouped, measureText } from "../../bundle/numbers.ts";
import { escapeHtml, LETTER, widthOf, type Drawing, type Figure } from "./figure.ts";
import { clearLabels, labelAt } from "./labels.ts";
import { heatColour } from "./palette.ts";
import { niceScale, rangeOf } from "./scale.ts";

export interface HeatMapOptions {
  readonly title: string;
  readonly note?: string;
  readonly rows: readonly {
    readonly name: string;
    readonly values: readonly (number | undefined)[];
  }[];
  /** What the columns stand for, from left to right. */
  readonly columns: readonly number[];
  readonly columnName: string;
  readonly wide?: boolean;
  /** What the colours span, where several maps are compared; the map's own values unless given. */
  readonly range?: readonly [low: number, high: number];
  /** A value beside its cell, and as short as can be beside the bar of colours. */
  readonly text?: (value: number) => string;
  readonly tick?: (value: number) => string;
}

const MARGIN = { top: 8, bottom: 34 } as const;
/** Of the bar that says what the colours mean, from the map to its numbers. */
const BAR = { gap: 12, width: 8, words: 11 } as const;
/** More than can be told apart. */
const MOST_COLUMNS = 64;
const MOST_LABELS = 20;
/** The longest label that has room. */
const MOST_LETTERS = 28;
/** Its end says more than its beginning, which others share. */
const shortened = (name: string): string =>
  name.length > MOST_LETTERS ? `…${name.slice(1 - MOST_LETTERS)}` : name;
const WIDE_RANGE = 20;

/** Every so many of a list, first and last included. */
const spreadOver = (count: number, most: number): readonly number[] =>
  count <= most
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));

/** Where a value of the columns stands between them, which are in order. */
const placeAmong = (columns: readonly number[], value: number): number => {
  const after = columns.findIndex((column) => column >= value);
  const [to, from] = [columns[after] ?? value, columns[after - 1] ?? value];
  return to === from || after < 1 ? after : after - (to - value) / (to - from);
};
/** All where they are few, else round numbers among them. */
const columnTicks = (columns: readonly number[]): readonly number[] => {
  const [first, last] = [columns[0]!, columns.at(-1)!];
  return columns.length <= 12
    ? columns
    : niceScale(first, last, 8).ticks.filter((t) => t >= first && t <= last && Number.isInteger(t));
};

/** Undefined where there is nothing to draw. */
export const heatMap = (options: HeatMapOptions): Figure | undefined => {
  const { title, note, wide = false } = options;
  const drawn = drawMap(options, { wide, tips: true });
  if (drawn === undefined) return undefined;
  // what is touched shows no tooltip
  const narrow = wide ? drawMap(options, { wide: false, tips: false }) : undefined;
  return { title, note, legend: [], wide, ...drawn, ...(narrow !== undefined && { narrow }) };
};

const drawMap = (
  options: HeatMapOptions,
  { wide, tips }: { readonly wide: boolean; readonly tips: boolean },
): Drawing | undefined => {
  const { columnName, text = measureText } = options;
  const chosen = spreadOver(options.columns.length, MOST_COLUMNS);
  const columns = chosen.map((i) => options.columns[i]!);
  const rows = options.rows.map(({ name, values }) => ({
    name,
    values: chosen.map((i) => values[i]),
  }));
  const all = rows
    .flatMap(({ values }) => values)
    .filter((x): x is number => x !== undefined && Number.isFinite(x));
  if (all.length === 0) return undefined;
  const [low, high] = options.range ?? rangeOf(all);
  const isLog = low > 0 && high / low > WIDE_RANGE;
  const shareOf = (x: number): number =>
    high === low
      ? 0.5
      : isLog
        ? Math.log(x / low) / Math.log(high / low)
        : (x - low) / (high - low);

  const width = widthOf({ wide });
  const left =
    14 + LETTER * Math.min(MOST_LETTERS, Math.max(...rows.map(({ name }) => name.length)));
  const rowHeight = Math.min(wide ? 24 : 48, Math.max(5, (wide ? 320 : 200) / rows.length));
  const marks = barMarks(low, high, isLog, options.tick ?? measureText);
  const right =
    BAR.gap + BAR.words + 8 + LETTER * Math.max(...marks.map(({ text }) => text.length));
  const inner = { width: width - left - right, height: rowHeight * rows.length };
  const height = MARGIN.top + inner.height + MARGIN.bottom;
  const cellWidth = inner.width / columns.length;
  const x = (i: number): number => left + i * cellWidth;
  const y = (row: number): number => MARGIN.top + (rows.length - 1 - row) * rowHeight;
  const fixed = (n: number): string => n.toFixed(1);

  const cells = rows.flatMap(({ name, values }, row) =>
    values.flatMap((value, i) =>
      value === undefined || !Number.isFinite(value)
        ? []
        : [
            // a hair wider than its place, against seams
            `<rect x="${fixed(x(i))}" y="${fixed(y(row))}" width="${fixed(cellWidth + 0.3)}" height="${fixed(rowHeight + 0.3)}" fill="${heatColour(shareOf(value))}"${tips ? `><title>${escapeHtml(name)}, ${columnName} ${grouped(columns[i]!)}: ${text(value)}</title></rect>` : "/>"}`,
          ],
    ),
  );
  const every = Math.ceil(rows.length / Math.min(MOST_LABELS, Math.floor(inner.height / 11)));
  const labels = rows.flatMap(({ name }, row) =>
    row % every === 0
      ? [
          `<text x="${fixed(left - 6)}" y="${fixed(y(row) + rowHeight / 2)}" dy="0.32em" text-anchor="end">${escapeHtml(shortened(name))}</text>`,
        ]
      : [],
  );
  const bottom = MARGIN.top + inner.height;
  const tickLabels = columnTicks(columns).map((value) =>
    labelAt(x(placeAmong(columns, value)) + cellWidth / 2, grouped(value), width),
  );
  const ticks = clearLabels(tickLabels).map(
    (label) =>
      `<text x="${fixed(label.x)}" y="${fixed(bottom + 14)}" text-anchor="${label.anchor}">${label.text}</text>`,
  );
  const axis = `<text class="label" x="${fixed(width - right)}" y="${fixed(height - 3)}" text-anchor="end">${columnName}</text>`;
  const bar = colourBar(width - right + BAR.gap, MARGIN.top, inner.height, marks);
  const map = `<g shape-rendering="crispEdges">${cells.join("")}</g>`;
  return { height, drawing: [map, ...labels, ...ticks, axis, ...bar].join("") };
};

interface BarMark {
  /** From the top. */
  readonly share: number;
  readonly text: string;
}
const barMarks = (
  low: number,
  high: number,
  isLog: boolean,
  tick: (value: number) => string,
): readonly BarMark[] => {
  const digits = high - low < 0.5 * Math.max(Math.abs(low), Math.abs(high)) ? 4 : 2;
  const middle = isLog ? Math.sqrt(low * high) : (low + high) / 2;
  return [high, middle, low].map((value, i) => ({
    share: i / 2,
    text: tick(Number(value.toPrecision(digits))),
  }));
};

const BAR_STEPS = 24;
/** Heights at which a number in the middle has room. */
const ROOM_FOR_THREE = 50;
const colourBar = (
  left: number,
  top: number,
  height: number,
  marks: readonly BarMark[],
): readonly string[] => {
  const step = height / BAR_STEPS;
  const bar = Array.from(
    { length: BAR_STEPS },
    (_, i) =>
      `<rect x="${left.toFixed(1)}" y="${(top + i * step).toFixed(1)}" width="${BAR.width}" height="${(step + 0.3).toFixed(1)}" fill="${heatColour(1 - (i + 0.5) / BAR_STEPS)}"/>`,
  );
  const texts = marks
    .filter(({ share }) => share !== 0.5 || height > ROOM_FOR_THREE)
    .map(
      ({ share, text }) =>
        `<text x="${(left + BAR.words).toFixed(1)}" y="${(top + share * height).toFixed(1)}" dy="${share === 0 ? "0.8em" : share === 1 ? "0" : "0.32em"}">${text}</text>`,
    );
  return [`<g shape-rendering="crispEdges">${bar.join("")}</g>`, ...texts];
};
