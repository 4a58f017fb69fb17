// The pictures of one run or of several in one: numbers over the training, and quantities over depth.
import { lineChart, type Series } from "../../runtime/report/chart.ts";
import {
  courseAt,
  familyFigures,
  isWideRange,
  mapFigure,
  stepsOf,
  valuesOf,
} from "../../runtime/report/depth-figures.ts";
import {
  breaksOf,
  familiesOf,
  isDeep,
  placesOf,
  pointsOf,
  titleOf,
  type Family,
} from "../../runtime/report/families.ts";
import { escapeHtml, figureHtml, type Figure } from "../../runtime/report/figure.ts";
import { rangeOf } from "../../runtime/report/scale.ts";
import { runColour } from "../../runtime/report/palette.ts";
import { STYLE } from "../../runtime/report/style.ts";
import { scalarNames, type RunRecord } from "./record.ts";

type Drawn = Figure | undefined;

/** "train/learning_rate" -> "Learning rate", "eval/loss" -> "Held-out loss". */
const scalarTitle = (name: string): string => {
  // norms of single gradients are probes
  if (name === "train/grad_norm") return "Global gradient norm";
  const words = name.slice(name.indexOf("/") + 1).replaceAll("/", " ");
  return titleOf(name.startsWith("eval/") ? `held-out ${words}` : words);
};

const scalarFigure = (runs: readonly RunRecord[], name: string): Drawn => {
  const isEvaluation = name.startsWith("eval/");
  const isLoss = name === "train/loss";
  return lineChart({
    title: isLoss ? "Training loss" : scalarTitle(name),
    note: isLoss ? "the faint line is each step, the strong one its running mean" : name,
    wide: isLoss,
    series: runs.map((run, i): Series => ({
      name: run.name,
      colour: runColour(i),
      points: pointsOf(run.rows, name),
      smooth: !isEvaluation && name !== "train/learning_rate",
      marks: isEvaluation,
    })),
  });
};

/** The same quantity of several runs over depth, where each measured last. */
const depthFigure = (
  quantity: string,
  mine: readonly { readonly run: string; readonly index: number; readonly family: Family }[],
): Drawn => {
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
    title: `${titleOf(quantity)} over depth`,
    note: "where each run measured last",
    wide: true,
    xName: "place",
    xNames: places,
    breaks: breaksOf(places),
    log: isWideRange(series.flatMap(({ points }) => points.map(([, y]) => y))),
    series,
  });
};

const familiesTogether = (runs: readonly RunRecord[]): readonly Drawn[] => {
  const each = runs.map(({ rows }) => familiesOf(rows));
  const quantities = [...new Set(each.flat().map(({ quantity }) => quantity))];
  return quantities.flatMap((quantity) => {
    const mine = runs.flatMap(({ name }, index) => {
      const family = each[index]!.find((own) => own.quantity === quantity);
      return family === undefined ? [] : [{ run: name, index, family }];
    });
    const flat = mine.flatMap(({ run, index, family }) =>
      family.curves.map(({ place, points }): Series => ({
        name: place === "" ? run : `${run} ${place}`,
        colour: runColour(index),
        points,
      })),
    );
    if (!mine.some(({ family }) => isDeep(family)))
      return [lineChart({ title: titleOf(quantity), series: flat })];
    // one scale for all, or their colours could not be compared
    const range = rangeOf(mine.flatMap(({ family }) => valuesOf(family)));
    const maps = mine.map(({ run, family }) =>
      mapFigure(family, stepsOf(family), {
        ...{ title: `${titleOf(quantity)}: ${run}`, wide: false, range },
      }),
    );
    return [depthFigure(quantity, mine), ...maps];
  });
};

export const runFigures = (runs: readonly RunRecord[]): readonly Figure[] => {
  const scalars = scalarNames(runs).map((name) => scalarFigure(runs, name));
  const [only] = runs;
  const families =
    runs.length === 1 && only !== undefined
      ? familiesOf(only.rows).flatMap(familyFigures)
      : familiesTogether(runs);
  return [...scalars, ...families].filter((figure): figure is Figure => figure !== undefined);
};

export const runsTitle = (runs: readonly RunRecord[]): string =>
  runs.length === 1
    ? `${runs[0]!.model} by ${runs[0]!.recipe}: ${runs[0]!.name}`
    : `${runs.length} runs: ${[...new Set(runs.map(({ model }) => model))].join(", ")}`;

export const runsHtml = (runs: readonly RunRecord[]): string => {
  const title = escapeHtml(runsTitle(runs));
  const about = runs.map(
    ({ name, model, recipe, engine, seed }, i) =>
      `<tr><td><i style="display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:8px;background:${runColour(i)}"></i>${escapeHtml(name)}</td><td>${escapeHtml(`${model} by ${recipe}, engine ${engine}, seed ${seed}`)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head>
<body><main>
<header><h1>${title}</h1></header>
<div class="card"><table>${about.join("")}</table></div><br>
<section class="charts">
${runFigures(runs).map(figureHtml).join("\n")}
</section>
</main></body></html>
`;
};
