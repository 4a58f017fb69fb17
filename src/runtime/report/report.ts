// report.html: what a training was and how it went, in one file that needs no other.
import { partsWord } from "../../bundle/branches.ts";
import { keptParameters } from "../../bundle/kept-parameters.ts";
import type { DataSpec, Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import {
  counted,
  countText,
  grouped,
  lossText,
  measureText,
  percentText,
  timeText,
} from "../../bundle/numbers.ts";
import { sourceName } from "../data/images/index.ts";
import { KEPT } from "../train/checkpoint.ts";
import type { TrainResult } from "../train/options.ts";
import { pointsOf } from "./families.ts";
import { escapeHtml, figureHtml } from "./figure.ts";
import { figuresOf } from "./figures.ts";
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

const unitOf = ({ training }: Manifest): "tokens" | "images" =>
  training?.data.kind === "images" ? "images" : "tokens";
const oneOf = (manifest: Manifest): string =>
  unitOf(manifest) === "images" ? "an image" : "a token";
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
      value === undefined ? undefined : percentText(value),
      first === undefined ? undefined : `from ${percentText(first)}`,
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
            lossText(evaluation.bitsPerByte),
            first === undefined ? undefined : `from ${lossText(first)}`,
          ],
          ["Held-out perplexity", measureText(evaluation.perplexity), "a token"],
        ]
      : [["Held-out loss", lossText(evaluation.loss), "nats an image"]];
  return [
    ...own,
    // a part of them stands for all
    [
      "Evaluated on",
      samples < heldOut ? grouped(samples) : undefined,
      `of ${grouped(heldOut)} ${unit} held out`,
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
    ? ["Parameters kept", countText(kept), `of ${countText(parameters)}`]
    : ["Parameters", countText(parameters)];
};

const keyFigures = ({ manifest, result }: ReportInput): string => {
  const { history } = result;
  const unit = unitOf(manifest);
  const seen = pointsOf(history, `train/num_input_${unit}_seen`).at(-1)?.[1];
  const speed = median(pointsOf(history, `perf/${unit}_per_second`).map(([, y]) => y));
  const figures: readonly KeyFigure[] = [
    ...evaluationFigures(result),
    parametersFigure(manifest),
    ["Steps", grouped(result.step)],
    [
      "Checkpoint",
      result.checkpoint === undefined ? undefined : `step ${grouped(result.step)}`,
      `the last ${KEPT} are kept`,
    ],
    [
      unit === "tokens" ? "Tokens seen" : "Images seen",
      seen === undefined ? undefined : countText(seen),
    ],
    ["Median speed", speed === undefined ? undefined : countText(speed), `${unit}/s`],
    ["Time", timeText(result.seconds)],
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
    ? `${model.layers} blocks of width ${grouped(model.hiddenSize)}, vocabulary ${grouped(model.vocabSize)}, context ${grouped(model.context)}`
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

const evaluatedText = (evaluation: TrainResult["evaluation"]): string => {
  if (evaluation === undefined) return "none";
  const { samples, heldOut } = evaluation;
  const part = samples < heldOut ? `, spread over the ${grouped(heldOut)} held out` : "";
  return evaluation.kind === "text"
    ? `${counted(samples, "sequence")}${part}: ${counted(evaluation.tokens, "token")}, ${counted(evaluation.bytes, "byte")}`
    : `${counted(samples, "image")}${part}`;
};

const detailsOf = ({ manifest, engine, seed, weights, result }: ReportInput): string => {
  const { model, training, generator, specHash } = manifest;
  const flops = model.kind === "decoder" ? model.flopsPerToken : model.flopsPerImage;
  const rows: readonly (readonly [string, string])[] = [
    ["Model", `${model.name}: ${modelText(model)}`],
    ["Recipe", training === null ? "" : recipeText(training)],
    ["Data", training === null ? "" : dataText(training.data)],
    ["Last evaluated on", evaluatedText(result.evaluation)],
    ["Engine", engine],
    ["Seed", String(seed)],
    ...(weights === undefined ? [] : ([["Began with", weights]] as const)),
    [`FLOPs ${oneOf(manifest)}, forward and backward`, countText(flops)],
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
${keyFigures(input)}
<section class="charts">
${figuresOf([{ name: "", rows: input.result.history }])
  .map(figureHtml)
  .join("\n")}
</section>
${sample === undefined ? "" : sampleOf(sample, manifest.training?.sample?.prompt ?? "")}
<h2>Details</h2><div class="card">${detailsOf(input)}</div>
${source === undefined ? "" : `<h2>The spec</h2><div class="card"><pre class="code">${escapeHtml(source)}</pre></div>`}
</main></body></html>
`;
};
