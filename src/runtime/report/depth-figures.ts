// The pictures of a quantity that has a value at each block: its curves over the training, its course over depth at some of
// the steps, and both as a map; of several runs its course over depth where each measured last, and a map of each.
import { grouped } from "../../bundle/numbers.ts";
import type { Row } from "../train/metrics.ts";
import { lineChart, type Points, type Series } from "./chart.ts";
import { breaksOf, familiesOf, isDeep, placesOf, type Family } from "./families.ts";
import type { Figure } from "./figure.ts";
import { heatMap, type HeatMapOptions } from "./heat-map.ts";
import { depthColour, runColour } from "./palette.ts";
import { itemOf, numbersOf, quantityNote, titleOf } from "./quantities.ts";
import { rangeOf } from "./scale.ts";

/** Of lists the curves tell how far the largest is above the mean. */
const numbersIn = ({ quantity, lists }: Family): ReturnType<typeof numbersOf> =>
  numbersOf(lists.length > 0 ? "" : quantity);
const noteOf = ({ quantity, lists }: Family): { readonly note?: string } => {
  const note = lists.length > 0 ? "the largest, as a multiple of the mean" : quantityNote(quantity);
  return note === undefined ? {} : { note };
};

/** Beyond this ratio of the largest to the smallest, equal distances are equal factors. */
const WIDE_RANGE = 50;
/** Lines in a picture over depth. */
const MOMENTS = 4;

const isWideRange = (values: readonly number[]): boolean => {
  const [low, high] = rangeOf(values);
  return low > 0 && high / low > WIDE_RANGE;
};
const valuesOf = ({ curves }: Family): readonly number[] =>
  curves.flatMap(({ points }) => points.map(([, y]) => y));

/** Steps at which a family has values, in order. */
export const stepsOf = ({ curves }: Family): readonly number[] =>
  [...new Set(curves.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
/** The values of all places at a step, by the number of the place. */
export const courseAt = ({ curves }: Family, step: number): Points =>
  curves.flatMap(({ points }, i) => {
    const found = points.find(([at]) => at === step);
    return found === undefined ? [] : [[i, found[1]] as const];
  });

const curvesFigure = (family: Family): Figure | undefined => {
  const { quantity, curves } = family;
  return lineChart({
    ...numbersIn(family),
    title: titleOf(quantity),
    ...noteOf(family),
    log: isWideRange(valuesOf(family)),
    ordered: true,
    series: curves.map(({ place, points }, i) => ({
      name: place === "" ? titleOf(quantity) : place,
      colour: depthColour(i, curves.length),
      points,
    })),
  });
};

const courseFigure = (family: Family, steps: readonly number[]): Figure | undefined => {
  const { quantity, curves } = family;
  const places = curves.map(({ place }) => place);
  const count = Math.min(MOMENTS, steps.length);
  const chosen = Array.from(
    { length: count },
    (_, i) => steps[Math.round((i * (steps.length - 1)) / Math.max(1, count - 1))]!,
  );
  return lineChart({
    ...numbersIn(family),
    title: `${titleOf(quantity)} over depth`,
    log: isWideRange(valuesOf(family)),
    xName: "place",
    xNames: places,
    breaks: breaksOf(places),
    series: chosen.map((step, i) => ({
      name: `step ${grouped(step)}`,
      colour: depthColour(i, chosen.length),
      points: courseAt(family, step),
      marks: curves.length <= 40,
    })),
  });
};

/** Depth upwards, training to the right. */
const mapFigure = (
  family: Family,
  steps: readonly number[],
  {
    title = `${titleOf(family.quantity)} over depth and training`,
    wide = true,
    range,
  }: Pick<Partial<HeatMapOptions>, "title" | "wide" | "range"> = {},
): Figure | undefined =>
  heatMap({
    ...numbersIn(family),
    title,
    wide,
    ...(range !== undefined && { range }),
    columnName: "step",
    columns: steps,
    rows: family.curves.map(({ place, points }) => {
      const at = new Map(points);
      return { name: place, values: steps.map((step) => at.get(step)) };
    }),
  });

/** Of a quantity that is a list at each place: the last of each, as a map. */
const listFigure = ({ quantity, lists }: Family): Figure | undefined => {
  const longest = Math.max(...lists.map(({ values }) => values.length));
  return heatMap({
    ...numbersOf(quantity),
    title: `${titleOf(quantity)} of each ${itemOf(quantity)}, at the end`,
    columnName: itemOf(quantity),
    columns: Array.from({ length: longest }, (_, i) => i),
    rows: lists.map(({ place, values }) => ({ name: place, values })),
  });
};

export const familyFigures = (family: Family): readonly (Figure | undefined)[] => {
  const steps = stepsOf(family);
  const deep = isDeep(family) && family.lists.length === 0;
  return [
    curvesFigure(family),
    ...(family.lists.length > 0 ? [listFigure(family)] : []),
    ...(deep ? [courseFigure(family, steps)] : []),
    ...(deep && steps.length > 1 ? [mapFigure(family, steps)] : []),
  ];
};

interface Owned {
  readonly run: string;
  readonly index: number;
  readonly family: Family;
}
const legendOf = (mine: readonly Owned[]): Figure["legend"] =>
  mine.map(({ run, index }) => ({ name: run, colour: runColour(index) }));

/** The same quantity of several runs over depth, where each measured last. */
const lastCourses = (quantity: string, mine: readonly Owned[]): Figure | undefined => {
  const places = placesOf(mine.map(({ family }) => family));
  const series = mine.map(({ run, index, family }): Series => ({
    name: run,
    colour: runColour(index),
    points: courseAt(family, stepsOf(family).at(-1) ?? 0).map(
      ([i, y]) => [places.indexOf(family.curves[i]!.place), y] as const,
    ),
    marks: places.length <= 40,
  }));
  return lineChart({
    ...numbersIn(mine[0]!.family),
    title: `${titleOf(quantity)} over depth`,
    note: "where each run measured last",
    wide: true,
    xName: "place",
    xNames: places,
    breaks: breaksOf(places),
    log: isWideRange(series.flatMap(({ points }) => points.map(([, y]) => y))),
    legend: legendOf(mine),
    series,
  });
};

/** Quantities of several runs: over depth where they have one, else over the training. */
export const familiesTogether = (
  runs: readonly { readonly name: string; readonly rows: readonly Row[] }[],
): readonly (Figure | undefined)[] => {
  const each = runs.map(({ rows }) => familiesOf(rows));
  const quantities = [...new Set(each.flat().map(({ quantity }) => quantity))];
  return quantities.flatMap((quantity) => {
    const mine = runs.flatMap(({ name }, index): readonly Owned[] => {
      const family = each[index]!.find((own) => own.quantity === quantity);
      return family === undefined ? [] : [{ run: name, index, family }];
    });
    if (!mine.some(({ family }) => isDeep(family))) {
      const series = mine.flatMap(({ run, index, family }) =>
        family.curves.map(({ place, points }): Series => ({
          name: place === "" ? run : `${run}, ${place}`,
          colour: runColour(index),
          points,
        })),
      );
      const { family } = mine[0]!;
      const numbers = numbersIn(family);
      return [
        lineChart({
          ...{ ...numbers, title: titleOf(quantity), ...noteOf(family) },
          ...{ legend: legendOf(mine), series },
        }),
      ];
    }
    // one scale for all, or their colours could not be compared
    const range = rangeOf(mine.flatMap(({ family }) => valuesOf(family)));
    const maps = mine.map(({ run, family }) =>
      stepsOf(family).length < 2
        ? undefined
        : mapFigure(family, stepsOf(family), {
            ...{ title: `${titleOf(quantity)}: ${run}`, wide: false, range },
          }),
    );
    return [lastCourses(quantity, mine), ...maps];
  });
};
