// Runs as tables on a terminal: how each number went over the training, and what stands where in depth at its end.
import { courseAt, stepsOf } from "../../runtime/report/depth-figures.ts";
import type { Points } from "../../runtime/report/chart.ts";
import {
  familiesOf,
  isDeep,
  placesOf,
  pointsOf,
  type Family,
} from "../../runtime/report/families.ts";
import { numbersOf } from "../../runtime/report/quantities.ts";
import { rangeOf } from "../../runtime/report/scale.ts";
import type { Paint } from "../color.ts";
import { grouped } from "../../bundle/numbers.ts";
import { table } from "../table.ts";
import { aboutRun, lastStepOf, scalarNames, type RunRecord } from "./record.ts";

const LEVELS = "▁▂▃▄▅▆▇█";
const WIDTH = 20;

/** Means of equal parts of the training as bars. */
const course = (points: Points): string => {
  const values = points.map(([, y]) => y).filter(Number.isFinite);
  const width = Math.min(WIDTH, values.length);
  const means = Array.from({ length: width }, (_, i) => {
    const part = values.slice(
      Math.floor((i * values.length) / width),
      Math.floor(((i + 1) * values.length) / width),
    );
    return part.reduce((sum, x) => sum + x, 0) / part.length;
  });
  const [low, high] = rangeOf(means);
  const level = (x: number): number =>
    high === low ? 0 : Math.round(((x - low) / (high - low)) * (LEVELS.length - 1));
  return means.map((x) => LEVELS[level(x)]!).join("");
};

const heading = (run: RunRecord, paint: Paint): string =>
  `${paint.bold(run.name)}  ${paint.dim(aboutRun(run))}`;

const titled = (
  rows: readonly (readonly string[])[],
  right: readonly number[],
  paint: Paint,
): string => {
  const [head = "", ...rest] = table(rows, right).split("\n");
  return [paint.bold(head), ...rest].join("\n");
};

/** `name`: of the metric or its quantity. */
const last = (points: Points, name: string): string => {
  const value = points.at(-1)?.[1];
  return value === undefined ? "" : numbersOf(name).text(value);
};

/** One run: each number's course. */
const scalarTable = (run: RunRecord, unicode: boolean, paint: Paint): string => {
  const rows = scalarNames([run]).flatMap((name) => {
    const points = pointsOf(run.rows, name);
    const values = points.map(([, y]) => y);
    if (values.length === 0) return [];
    const numbers = [values[0]!, values.at(-1)!, ...rangeOf(values)];
    return [[name, ...numbers.map(numbersOf(name).text), ...(unicode ? [course(points)] : [])]];
  });
  const head = [
    "over the training",
    "first",
    "last",
    "lowest",
    "highest",
    ...(unicode ? ["course"] : []),
  ];
  return titled([head, ...rows], [1, 2, 3, 4], paint);
};

/** Of lists a column tells how far the largest number is above the mean. */
const columnOf = ({ quantity, lists }: Family): string =>
  lists.length === 0 ? quantity : `highest ${quantity} / mean`;

const lastAt = (family: Family | undefined, place: string): string => {
  const curve = family?.curves.find((own) => own.place === place);
  // of lists it is no share but a ratio
  return last(curve?.points ?? [], family?.lists.length === 0 ? family.quantity : "");
};

/** One run: quantities that have a value at each place, side by side. */
const depthTable = (families: readonly Family[], paint: Paint): string => {
  const places = placesOf(families);
  const [first, step] = rangeOf(families.map((family) => stepsOf(family).at(-1) ?? 0));
  const rows = places.map((place) => [place, ...families.map((family) => lastAt(family, place))]);
  const when = first === step ? grouped(step) : `${grouped(first)} to ${grouped(step)}`;
  const head = [`over depth, step ${when}`, ...families.map(columnOf)];
  return titled(
    [head, ...rows],
    families.map((_, i) => i + 1),
    paint,
  );
};

/** One run: quantities that are lists, each place by its extremes. Load of experts is one. */
const listTable = ({ quantity, lists }: Family, paint: Paint): string => {
  const rows = lists.map(({ place, values }) => {
    const [low, high] = rangeOf(values);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const at = (x: number): string => String(values.indexOf(x));
    const { text } = numbersOf(quantity);
    return [
      ...[place, String(values.length), text(mean)],
      ...[text(low), at(low), text(high), at(high)],
    ];
  });
  const head = [`${quantity}, last told`, "of", "mean", "lowest", "at", "highest", "at"];
  return titled([head, ...rows], [1, 2, 3, 4, 5, 6], paint);
};

/** Findings of a run on a terminal: more only hide the rest. */
const MOST_FINDINGS = 12;
const findingsTable = (runs: readonly RunRecord[], paint: Paint): readonly string[] => {
  const all = runs.flatMap(({ name, findings }) => findings.map((finding) => ({ name, finding })));
  if (all.length === 0) return [];
  const rows = all
    .slice(0, MOST_FINDINGS)
    .map(({ name, finding }) => [
      ...(runs.length > 1 ? [name] : []),
      [finding.place, finding.quantity].filter((word) => word !== "").join(" "),
      `step ${grouped(finding.step)}`,
      finding.text,
    ]);
  const more = all.length - rows.length;
  const head = ["worth a look", ...rows[0]!.slice(1).map(() => "")];
  return [
    titled([head, ...rows], [], paint) +
      (more > 0 ? `\nand ${grouped(more)} more: --json has all` : ""),
  ];
};

const oneRun = (run: RunRecord, unicode: boolean, paint: Paint): readonly string[] => {
  const families = familiesOf(run.rows);
  const deep = families.filter(isDeep);
  const listed = families.filter(({ lists }) => lists.length > 0);
  return [
    heading(run, paint),
    scalarTable(run, unicode, paint),
    ...(deep.length > 0 ? [depthTable(deep, paint)] : []),
    ...listed.map((family) => listTable(family, paint)),
    ...findingsTable([run], paint),
  ];
};

/** Several runs side by side, as they ended. */
const manyRuns = (runs: readonly RunRecord[], paint: Paint): readonly string[] => {
  const names = runs.map(({ name }) => name);
  const right = runs.map((_, i) => i + 1);
  const scalars = scalarNames(runs).map((key) => [
    key,
    ...runs.map(({ rows }) => last(pointsOf(rows, key), key)),
  ]);
  const families = runs.map(({ rows }) => familiesOf(rows).filter(isDeep));
  const quantities = [...new Set(families.flat().map(({ quantity }) => quantity))];
  const depth = quantities.map((quantity) => {
    const mine = families.map((own) => own.find((family) => family.quantity === quantity));
    const places = placesOf(mine.filter((family): family is Family => family !== undefined));
    const rows = places.map((place) => [place, ...mine.map((family) => lastAt(family, place))]);
    const told = mine.find((family) => family !== undefined);
    return titled([[told ? columnOf(told) : quantity, ...names], ...rows], right, paint);
  });
  return [
    runs.map((run) => heading(run, paint)).join("\n"),
    titled([["at the end", ...names], ...scalars], right, paint),
    ...depth,
    ...findingsTable(runs, paint),
  ];
};

export const runsText = (runs: readonly RunRecord[], unicode: boolean, paint: Paint): string =>
  `${(runs.length === 1 ? oneRun(runs[0]!, unicode, paint) : manyRuns(runs, paint)).join("\n\n")}\n`;

/** The same for programs: of each number of each run where it began, ended and turned; and what stands where in depth. */
export const runsData = (runs: readonly RunRecord[]): readonly object[] =>
  runs.map((run) => {
    const { rows, ...about } = run;
    const metrics = scalarNames([run]).flatMap((name) => {
      const values = pointsOf(rows, name).map(([, y]) => y);
      if (values.length === 0) return [];
      const [lowest, highest] = rangeOf(values);
      const told = { first: values[0], last: values.at(-1), lowest, highest };
      return [[name, told] as const];
    });
    const depth = familiesOf(rows).map((family) => {
      const steps = stepsOf(family);
      const at = steps.at(-1) ?? 0;
      const values = courseAt(family, at).map(
        ([i, value]) => [family.curves[i]!.place, value] as const,
      );
      const lists = Object.fromEntries(family.lists.map((list) => [list.place, list.values]));
      const told = { step: at, values: Object.fromEntries(values) };
      return [family.quantity, family.lists.length === 0 ? told : { ...told, lists }] as const;
    });
    return {
      ...about,
      steps: lastStepOf(run),
      metrics: Object.fromEntries(metrics),
      depth: Object.fromEntries(depth),
    };
  });
