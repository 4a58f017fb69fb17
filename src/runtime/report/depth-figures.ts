// The pictures of a quantity that has a value at each block: its curves over the training, its course over depth at some of
// the steps, and both as a map.
import { lineChart, type Series } from "./chart.ts";
import { breaksOf, isDeep, titleOf, type Family } from "./families.ts";
import type { Figure } from "./figure.ts";
import { heatMap, type HeatMapOptions } from "./heat-map.ts";
import { depthColour } from "./palette.ts";
import { rangeOf, shortNumber } from "./scale.ts";

/** Beyond this ratio of the largest to the smallest, equal distances are equal factors. */
const WIDE_RANGE = 50;
/** Lines in a picture over depth. */
const MOMENTS = 4;

export const isWideRange = (values: readonly number[]): boolean => {
  const [low, high] = rangeOf(values);
  return low > 0 && high / low > WIDE_RANGE;
};
export const valuesOf = ({ curves }: Family): readonly number[] =>
  curves.flatMap(({ points }) => points.map(([, y]) => y));

/** Steps at which a family has values, in order. */
export const stepsOf = ({ curves }: Family): readonly number[] =>
  [...new Set(curves.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
/** The values of all places at a step, by the number of the place. */
export const courseAt = ({ curves }: Family, step: number): Series["points"] =>
  curves.flatMap(({ points }, i) => {
    const found = points.find(([at]) => at === step);
    return found === undefined ? [] : [[i, found[1]] as const];
  });

const curvesFigure = (family: Family): Figure | undefined => {
  const { quantity, curves, lists } = family;
  return lineChart({
    title: titleOf(quantity),
    ...(lists.length > 0 && { note: "the largest, as a multiple of the mean" }),
    log: isWideRange(valuesOf(family)),
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
    title: `${titleOf(quantity)} over depth`,
    log: isWideRange(valuesOf(family)),
    xName: "place",
    xNames: places,
    breaks: breaksOf(places),
    series: chosen.map((step, i) => ({
      name: `step ${shortNumber(step)}`,
      colour: depthColour(i, chosen.length),
      points: courseAt(family, step),
      marks: curves.length <= 40,
    })),
  });
};

/** Depth upwards, training to the right. */
export const mapFigure = (
  family: Family,
  steps: readonly number[],
  {
    title = `${titleOf(family.quantity)} over depth and training`,
    wide = true,
    range,
  }: Pick<Partial<HeatMapOptions>, "title" | "wide" | "range"> = {},
): Figure | undefined =>
  heatMap({
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
    title: `${titleOf(quantity)} by place, at the end`,
    columnName: "index",
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
