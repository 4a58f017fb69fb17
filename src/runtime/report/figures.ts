// The pictures of one training or of several beside each other. Of one, what is alike shares a picture: training and held out,
// the model and its heads. Of several, a picture is of one quantity and a colour is a run.
import { partMeasure, singular } from "../../bundle/branches.ts";
import type { Row } from "../train/metrics.ts";
import { lineChart, type ChartOptions, type Points, type Series } from "./chart.ts";
import { familyFigures, familiesTogether } from "./depth-figures.ts";
import { familiesOf, keysOf, pointsOf } from "./families.ts";
import type { Figure, LegendEntry } from "./figure.ts";
import { partColour, runColour } from "./palette.ts";
import { numbersOf, scalarNote, scalarTitle } from "./quantities.ts";
import { rangeOf } from "./scale.ts";

export interface Course {
  readonly name: string;
  readonly rows: readonly Row[];
}
type Drawn = Figure | undefined;

const itemOf = (rows: readonly Row[]): "token" | "image" =>
  keysOf(rows).includes("train/num_input_images_seen") ? "image" : "token";

const SMOOTHED = "the faint line is each step, the strong one its running mean";

/** A loss falls by so many times what is left in the second half, and how it ends is lost on the scale of its beginning. */
const FAR = 2;
/** The second half by itself, where that shows more than the whole. */
const secondHalf = (options: ChartOptions, note: string): Drawn => {
  const points = options.series.flatMap((series) => series.points);
  const [first, last] = rangeOf(points.map(([x]) => x));
  const from = (first + last) / 2;
  const heightOf = (some: Points): number => {
    const [low, high] = rangeOf(some.map(([, y]) => y));
    return high - low;
  };
  const later = points.filter(([x]) => x >= from);
  if (later.length < 8 || heightOf(points) < FAR * heightOf(later)) return undefined;
  return lineChart({ ...options, title: `${options.title}, second half`, note, from });
};

/** What is held out, by measure: "eval/heads/0/accuracy" is of the measure "accuracy", and of head 0. */
interface HeldOut {
  readonly key: string;
  readonly measure: string;
  /** "head 0"; nothing of the whole model. */
  readonly part?: string;
}
/** What follows from a loss that is drawn, and numbers that never change. */
const DULL: ReadonlySet<string> = new Set(["perplexity", "tokens", "images"]);
const heldOutOf = (rows: readonly Row[]): readonly HeldOut[] =>
  keysOf(rows).flatMap((key): readonly HeldOut[] => {
    const [, name] = /^eval\/(.+)$/.exec(key) ?? [];
    if (name === undefined || DULL.has(name)) return [];
    const part = partMeasure(name);
    if (part === undefined) return name.includes("/") ? [] : [{ key, measure: name }];
    return [{ key, measure: part.measure, part: `${singular(part.word)} ${part.index}` }];
  });

const noted = (note: string | undefined): { readonly note?: string } =>
  note === undefined ? {} : { note };

/** Of one training: a measure of the model and of each of its parts. */
const measureFigures = (rows: readonly Row[]): readonly Drawn[] => {
  const found = heldOutOf(rows);
  const item = itemOf(rows);
  const measures = [...new Set(found.map(({ measure }) => measure))];
  return measures.map((measure) => {
    const mine = found.filter((one) => one.measure === measure);
    const parts = mine.filter(({ part }) => part !== undefined);
    // the loss of the whole stands beside that of training
    if (measure === "loss" && parts.length === 0) return undefined;
    const each = parts[0]?.part?.replace(/ \d+$/, "");
    return lineChart({
      ...numbersOf(measure),
      title: scalarTitle(`eval/${measure}`),
      ...noted(
        each === undefined
          ? scalarNote(`eval/${measure}`, item)
          : `of the model and of each ${each}`,
      ),
      series: mine.map(({ key, part }) => ({
        name: part ?? "model",
        colour:
          part === undefined ? "var(--eval)" : partColour(parts.findIndex((p) => p.key === key)),
        points: pointsOf(rows, key),
        marks: true,
      })),
    });
  });
};

/** Quantities of every step, in the order of the page; speed is whichever of the two there is. */
const STEPWISE = [
  { name: "train/learning_rate", colour: "var(--other)", smooth: false },
  { name: "train/grad_norm", colour: "var(--train)", smooth: true },
  { name: "perf/tokens_per_second", colour: "var(--other)", smooth: true },
  { name: "perf/images_per_second", colour: "var(--other)", smooth: true },
] as const;

const figuresOfOne = (rows: readonly Row[]): readonly Drawn[] => {
  const item = itemOf(rows);
  const nats = scalarNote("train/loss", item) ?? "";
  const loss: ChartOptions = {
    ...numbersOf("loss"),
    title: "Loss",
    note: `${nats}; ${SMOOTHED}`,
    wide: true,
    series: [
      {
        name: "training",
        colour: "var(--train)",
        points: pointsOf(rows, "train/loss"),
        smooth: true,
      },
      { name: "held out", colour: "var(--eval)", points: pointsOf(rows, "eval/loss"), marks: true },
    ],
  };
  return [
    lineChart(loss),
    secondHalf({ ...loss, wide: false }, nats),
    ...measureFigures(rows),
    ...STEPWISE.map(({ name, colour, smooth }) =>
      lineChart({
        ...numbersOf(name),
        title: scalarTitle(name),
        ...noted(scalarNote(name, item)),
        series: [{ name: scalarTitle(name), colour, points: pointsOf(rows, name), smooth }],
      }),
    ),
    ...familiesOf(rows).flatMap(familyFigures),
  ];
};

/** The points of a quantity against another of the same rows. */
const against = (rows: readonly Row[], key: string, x: (row: Row) => number | undefined): Points =>
  rows.flatMap((row) => {
    const [at, { [key]: y }] = [x(row), row];
    return at !== undefined && typeof y === "number" ? [[at, y] as const] : [];
  });
const numberAt = (row: Row, key: string): number | undefined => {
  const { [key]: value } = row;
  return typeof value === "number" ? value : undefined;
};
/** Seconds that training steps took up to each row, evaluations left out. */
const clockOf = (): ((row: Row) => number | undefined) => {
  let seconds = 0;
  return (row) => {
    const taken = numberAt(row, "perf/step_time_ms");
    if (taken === undefined) return undefined;
    seconds += taken / 1000;
    return seconds;
  };
};

const figuresOfSeveral = (runs: readonly Course[]): readonly Drawn[] => {
  const item = itemOf(runs.flatMap(({ rows }) => rows));
  const nats = scalarNote("train/loss", item) ?? "";
  /** A line of each run that has the quantity; whose colour is whose is told always, for not all runs have all. */
  const chart = (
    name: string,
    pointsIn: (rows: readonly Row[]) => readonly (readonly [name: string, points: Points])[],
    how: Partial<ChartOptions> & Pick<Series, "smooth" | "marks">,
  ): ChartOptions => {
    const { smooth = false, marks = false, ...rest } = how;
    const legend: LegendEntry[] = [];
    const series = runs.flatMap(({ name: run, rows }, i) => {
      const lines = pointsIn(rows).filter(([, points]) => points.length > 0);
      if (lines.length > 0) legend.push({ name: run, colour: runColour(i) });
      return lines.map(([line, points]): Series => ({
        ...{ name: line === "" ? run : `${run}, ${line}`, colour: runColour(i) },
        ...{ points, smooth, marks },
      }));
    });
    const title = scalarTitle(name);
    return { ...numbersOf(name), title, ...noted(scalarNote(name, item)), legend, series, ...rest };
  };
  const plain = (name: string) => (rows: readonly Row[]) => [["", pointsOf(rows, name)]] as const;

  const lossNote = { note: `${nats}; ${SMOOTHED}` };
  const loss = chart("train/loss", plain("train/loss"), { ...lossNote, wide: true, smooth: true });
  const seen = `train/num_input_${item}s_seen`;
  const paces = runs.map(({ rows }) => rows.map((row) => numberAt(row, seen)).find((n) => n));
  const found = runs.flatMap(({ rows }) => heldOutOf(rows));
  const measures = [...new Set(found.map(({ measure }) => measure))];
  return [
    lineChart(loss),
    secondHalf(loss, nats),
    // steps of different sizes say little beside each other
    ...(new Set(paces).size > 1
      ? [
          lineChart(
            chart(
              "train/loss",
              (rows) => [["", against(rows, "train/loss", (row) => numberAt(row, seen))]],
              { title: `Training loss over ${item}s`, xName: `${item}s seen`, smooth: true },
            ),
          ),
        ]
      : []),
    lineChart(
      chart("train/loss", (rows) => [["", against(rows, "train/loss", clockOf())]], {
        ...{
          title: "Training loss over time",
          xName: "seconds of training steps",
          from: 0,
          smooth: true,
        },
      }),
    ),
    ...measures.flatMap((measure) => {
      const keys = (of: "model" | "parts") => (rows: readonly Row[]) =>
        heldOutOf(rows)
          .filter((one) => one.measure === measure && (one.part === undefined) === (of === "model"))
          .map(({ key, part = "" }) => [part, pointsOf(rows, key)] as const);
      const each = found.find((one) => one.measure === measure && one.part)?.part;
      const name = `eval/${measure}`;
      const title = `${scalarTitle(name)} of each ${each?.replace(/ \d+$/, "") ?? ""}`;
      return [
        lineChart(chart(name, keys("model"), { marks: true })),
        ...(each === undefined
          ? []
          : [lineChart(chart(name, keys("parts"), { title, marks: true }))]),
      ];
    }),
    ...STEPWISE.map(({ name, smooth }) => lineChart(chart(name, plain(name), { smooth }))),
    ...familiesTogether(runs),
  ];
};

export const figuresOf = (runs: readonly Course[]): readonly Figure[] => {
  const [only] = runs;
  const drawn =
    runs.length === 1 && only !== undefined ? figuresOfOne(only.rows) : figuresOfSeveral(runs);
  return drawn.filter((figure): figure is Figure => figure !== undefined);
};
