// report.html: what a training was and how it went, in one file that needs no other.
import { partMeasure, partsWord, singular } from "../../bundle/branches.ts";
import { keptParameters } from "../../bundle/kept-parameters.ts";
import type { DataSpec, Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import { sourceName } from "../data/images/index.ts";
import { KEPT } from "../train/checkpoint.ts";
import type { TrainResult } from "../train/options.ts";
import type { Row } from "../train/metrics.ts";
import { lineChart } from "./chart.ts";
import { familyFigures } from "./depth-figures.ts";
import { familiesOf, keysOf, pointsOf } from "./families.ts";
import { escapeHtml, figureHtml, type Figure } from "./figure.ts";
import { depthColour } from "./palette.ts";
import { shortNumber } from "./scale.ts";
import { STYLE } from "./style.ts";

export interface ReportInput {
  readonly manifest: Manifest;
  readonly engine: string;
  readonly seed: number;
  readonly result: TrainResult;
  /** What the training began with instead of the seed's values. */
  readonly weights?: string | undefined;
  /** Prompt and text. */
  readonly sample: string | undefined;
  /** The spec as its author wrote it. */
  readonly source: string | undefined;
}

/** "eval/heads/0/accuracy" belongs to the chart "accuracy", as head 0. */
const measureCharts = (rows: readonly Row[]): readonly (Figure | undefined)[] => {
  const found = keysOf(rows).flatMap((key) => {
    const [, name] = /^eval\/(.+)$/.exec(key) ?? [];
    if (name === undefined) return [];
    const part = partMeasure(name);
    if (part === undefined && name.includes("/")) return [];
    return [{ key, part, measure: part?.measure ?? name }];
  });
  const measures = [...new Set(found.map(({ measure }) => measure))].filter(
    (measure) => !TOLD.has(measure) || found.some((f) => f.measure === measure && f.part),
  );
  return measures.map((measure) => {
    const mine = found.filter((f) => f.measure === measure);
    const word = mine.find(({ part }) => part)?.part?.word;
    return lineChart({
      title: `Held-out ${measure.replaceAll("_", " ")}`,
      ...(word !== undefined && { note: `the model, and each of its ${word}` }),
      series: mine.map(({ key, part }, i) => ({
        name: part === undefined ? "model" : `${singular(part.word)} ${part.index}`,
        colour: part === undefined ? "var(--eval)" : depthColour(i, mine.length),
        points: pointsOf(rows, key),
        marks: true,
      })),
    });
  });
};
/** Measures with a chart or figure of their own, or none because they never change. */
const TOLD: ReadonlySet<string> = new Set([
  "loss",
  "perplexity",
  "bits_per_byte",
  "tokens",
  "images",
]);

const chartsOf = ({ manifest, result: { history } }: ReportInput): string =>
  [
    lineChart({
      title: "Loss",
      note: `nats ${oneOf(manifest)}; the faint line is each step, the strong one its running mean`,
      wide: true,
      series: [
        {
          name: "training",
          colour: "var(--train)",
          points: pointsOf(history, "train/loss"),
          smooth: true,
        },
        {
          name: "held out",
          colour: "var(--eval)",
          points: pointsOf(history, "eval/loss"),
          marks: true,
        },
      ],
    }),
    ...measureCharts(history),
    lineChart({
      title: "Held-out bits per byte",
      series: [
        {
          name: "bits per byte",
          colour: "var(--eval)",
          points: pointsOf(history, "eval/bits_per_byte"),
          marks: true,
        },
      ],
    }),
    lineChart({
      title: "Learning rate",
      series: [
        {
          name: "learning rate",
          colour: "var(--other)",
          points: pointsOf(history, "train/learning_rate"),
        },
      ],
    }),
    lineChart({
      title: "Global gradient norm",
      note: "of all parameters, before clipping",
      series: [
        {
          name: "global gradient norm",
          colour: "var(--train)",
          points: pointsOf(history, "train/grad_norm"),
          smooth: true,
        },
      ],
    }),
    lineChart({
      title: "Speed",
      note: `${unitOf(manifest)} a second`,
      series: [
        {
          name: `${unitOf(manifest)}/s`,
          colour: "var(--other)",
          points: pointsOf(history, `perf/${unitOf(manifest)}_per_second`),
          smooth: true,
        },
      ],
    }),
    ...familiesOf(history).flatMap(familyFigures),
  ]
    .flatMap((figure) => (figure === undefined ? [] : [figureHtml(figure)]))
    .join("\n");

const unitOf = ({ training }: Manifest): "tokens" | "images" =>
  training?.data.kind === "images" ? "images" : "tokens";
const oneOf = (manifest: Manifest): string =>
  unitOf(manifest) === "images" ? "an image" : "a token";
const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

const duration = (seconds: number): string => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
};

const median = (values: readonly number[]): number | undefined =>
  [...values].sort((a, b) => a - b)[values.length >> 1];

type KeyFigure = readonly [string, string | undefined, (string | undefined)?];

const evaluationFigures = ({ history, evaluation }: TrainResult): readonly KeyFigure[] => {
  if (evaluation === undefined) return [];
  const { measures } = evaluation;
  const share = (name: string, key: string): KeyFigure => {
    const value = measures[key];
    const first = pointsOf(history, `eval/${key}`)[0]?.[1];
    return [
      name,
      value === undefined ? undefined : percent(value),
      first === undefined ? undefined : `from ${percent(first)}`,
    ];
  };
  const { samples, heldOut } = evaluation;
  const unit = evaluation.kind === "text" ? "sequences" : "images";
  const first = pointsOf(history, "eval/bits_per_byte")[0]?.[1];
  const own: readonly KeyFigure[] =
    evaluation.kind === "text"
      ? [
          [
            "Held-out bits per byte",
            evaluation.bitsPerByte.toFixed(3),
            first === undefined ? undefined : `from ${first.toFixed(2)}`,
          ],
          ["Held-out perplexity", shortNumber(evaluation.perplexity), "a token"],
        ]
      : [["Held-out loss", evaluation.loss.toFixed(4), "nats an image"]];
  return [
    ...own,
    // a part of them stands for all
    [
      "Evaluated on",
      samples < heldOut ? shortNumber(samples) : undefined,
      `of ${shortNumber(heldOut)} ${unit} held out`,
    ],
    share("Held-out accuracy", "accuracy"),
    share("Calibration error", "calibration_error"),
    share(`Disagreement of ${partsWord(Object.keys(measures)) ?? ""}`, "disagreement"),
  ];
};

const parametersFigure = (manifest: Manifest): KeyFigure => {
  const { parameters } = manifest.model;
  const kept = keptParameters(manifest);
  return kept < parameters
    ? ["Parameters kept", shortNumber(kept), `of ${shortNumber(parameters)}`]
    : ["Parameters", shortNumber(parameters)];
};

const figuresOf = ({ manifest, result }: ReportInput): string => {
  const { history } = result;
  const unit = unitOf(manifest);
  const seen = pointsOf(history, `train/num_input_${unit}_seen`).at(-1)?.[1];
  const speed = median(pointsOf(history, `perf/${unit}_per_second`).map(([, y]) => y));
  const figures: readonly KeyFigure[] = [
    ...evaluationFigures(result),
    parametersFigure(manifest),
    ["Steps", String(result.step)],
    [
      "Checkpoint",
      result.checkpoint === undefined ? undefined : `step ${result.step}`,
      `the last ${KEPT} are kept`,
    ],
    [
      unit === "tokens" ? "Tokens seen" : "Images seen",
      seen === undefined ? undefined : shortNumber(seen),
    ],
    ["Median speed", speed === undefined ? undefined : shortNumber(Math.round(speed)), `${unit}/s`],
    ["Time", duration(result.seconds)],
  ];
  const cells = figures.flatMap(([name, value, unit]) =>
    value === undefined
      ? []
      : [
          `<div><dt>${name}</dt><dd>${escapeHtml(value)}${unit === undefined ? "" : ` <small>${escapeHtml(unit)}</small>`}</dd></div>`,
        ],
  );
  // rows as even as can be, where there is room for six beside each other
  const columns = Math.ceil(cells.length / Math.ceil(cells.length / 6));
  return `<dl class="figures" style="--columns: ${columns}">${cells.join("")}</dl>`;
};

const modelText = (model: Manifest["model"]): string =>
  model.kind === "decoder"
    ? `${model.layers} blocks of width ${model.hiddenSize}, vocabulary ${model.vocabSize}, context ${model.context}`
    : `${model.layers} residual units, images of ${model.height}×${model.width}×${model.channels}, ${model.classes} classes`;

const dataText = (data: DataSpec): string =>
  data.kind === "images"
    ? sourceName(data.source)
    : [data.package, data.files.join(", ")].filter((part) => part !== null).join(": ");

const recipeText = ({ recipe, batch, micro, data }: TrainingSpec): string => {
  const passes = micro < batch ? `, ${micro} a pass` : "";
  return data.kind === "text"
    ? `${recipe}: batches of ${batch} × ${data.sequence} tokens${passes}`
    : `${recipe}: batches of ${batch} images${passes}`;
};

const measureText = (evaluation: TrainResult["evaluation"]): string => {
  if (evaluation === undefined) return "none";
  const { samples, heldOut } = evaluation;
  const part = samples < heldOut ? `, spread over the ${heldOut} held out` : "";
  return evaluation.kind === "text"
    ? `${samples} sequences${part}: ${evaluation.tokens} tokens, ${evaluation.bytes} bytes`
    : `${samples} images${part}`;
};

const detailsOf = ({ manifest, engine, seed, weights, result }: ReportInput): string => {
  const { model, training, generator, specHash } = manifest;
  const flops = model.kind === "decoder" ? model.flopsPerToken : model.flopsPerImage;
  const rows: readonly (readonly [string, string])[] = [
    ["Model", `${model.name}: ${modelText(model)}`],
    ["Recipe", training === null ? "" : recipeText(training)],
    ["Data", training === null ? "" : dataText(training.data)],
    ["Last evaluated on", measureText(result.evaluation)],
    ["Engine", engine],
    ["Seed", String(seed)],
    ...(weights === undefined ? [] : ([["Began with", weights]] as const)),
    [`FLOPs ${oneOf(manifest)}, forward and backward`, shortNumber(flops)],
    ["Spec", `sha256 ${specHash}`],
    ["Written by", `${generator.name} ${generator.version}`],
  ];
  return `<table>${rows.map(([name, value]) => `<tr><td>${name}</td><td>${escapeHtml(value)}</td></tr>`).join("")}</table>`;
};

const sampleOf = (sample: string, prompt: string): string => {
  const given = sample.startsWith(prompt) ? prompt : "";
  return `<h2>A generated sample</h2><div class="card"><pre><mark>${escapeHtml(given)}</mark>${escapeHtml(sample.slice(given.length))}</pre></div>`;
};

export const renderReport = (input: ReportInput): string => {
  const { manifest, sample, source } = input;
  const title = `${manifest.model.name}: ${manifest.training?.recipe ?? "training"}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
<header><h1>${escapeHtml(manifest.model.name)}</h1><p>Trained by the recipe ${escapeHtml(manifest.training?.recipe ?? "")} on the ${escapeHtml(input.engine)} engine</p></header>
${figuresOf(input)}
<section class="charts">
${chartsOf(input)}
</section>
${sample === undefined ? "" : sampleOf(sample, manifest.training?.sample?.prompt ?? "")}
<h2>Details</h2><div class="card">${detailsOf(input)}</div>
${source === undefined ? "" : `<h2>The spec</h2><div class="card"><pre class="code">${escapeHtml(source)}</pre></div>`}
</main></body></html>
`;
};
