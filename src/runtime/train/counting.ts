// What a training is counted in: tokens of text, or images; and the rows of metrics.jsonl that say so.
import type { Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Row } from "./metrics.ts";
import type { StepResult } from "./step.ts";

export interface Counting {
  readonly unit: "tokens" | "images";
  readonly perStep: number;
  /** Of the model, forward and backward, for one of them. */
  readonly flops: number;
}
export const countingOf = (
  { model }: Pick<Manifest, "model">,
  { batch, data }: Pick<TrainingSpec, "batch" | "data">,
): Counting => ({
  unit: data.kind === "text" ? "tokens" : "images",
  perStep: data.kind === "text" ? batch * data.sequence : batch,
  flops: model.kind === "decoder" ? model.flopsPerToken : model.flopsPerImage,
});

export const evaluationRow = (evaluation: Evaluation): Row => {
  const { loss, measures } = evaluation;
  const own: Row =
    evaluation.kind === "text"
      ? {
          "eval/perplexity": evaluation.perplexity,
          "eval/bits_per_byte": evaluation.bitsPerByte,
          "eval/tokens": evaluation.tokens,
        }
      : { "eval/images": evaluation.images };
  const named = Object.entries(measures).map(([name, value]) => [`eval/${name}`, value] as const);
  return { "eval/loss": loss, ...own, ...Object.fromEntries(named) };
};

/** Digits that lists of numbers are written with: they are many. */
const LIST_DIGITS = 4;
/** What a step's programs give beside loss and norm: numbers, and lists of them where `lists` says so. */
const followedRow = (outputs: StepResult["outputs"], lists: boolean): Row =>
  Object.fromEntries(
    Object.entries(outputs)
      .filter(
        ([name, { data }]) =>
          name !== "loss" && name !== "grad_norm" && (data.length === 1 || lists),
      )
      .map(([name, { data }]) => [
        name,
        data.length === 1
          ? (data[0] ?? 0)
          : Array.from(data, (x) => Number(x.toPrecision(LIST_DIGITS))),
      ]),
  );

/** Loads of experts and other lists are told where a step measures, at the first and the last and from time to time between. */
const LISTS_EVERY = 100;

export const stepRow = (
  { loss, gradNorm, outputs }: StepResult,
  { unit, perStep, flops }: Counting,
  at: {
    readonly step: number;
    readonly epoch: number;
    /** Seconds since the run began. */
    readonly time: number;
    readonly learningRate: number;
    /** Of this update. */
    readonly milliseconds: number;
    readonly liveBuffers: number;
    /** Lists are due at this step, whatever its number. */
    readonly lists: boolean;
  },
): Row => {
  const { step, milliseconds } = at;
  return {
    step,
    epoch: at.epoch,
    time: at.time,
    "train/loss": loss,
    "train/learning_rate": at.learningRate,
    "train/grad_norm": gradNorm,
    [`train/num_input_${unit}_seen`]: step * perStep,
    [`perf/${unit}_per_second`]: (perStep * 1000) / milliseconds,
    "perf/step_time_ms": milliseconds,
    "perf/tflops": (flops * perStep) / (milliseconds * 1e9),
    "memory/num_tensors": at.liveBuffers,
    ...followedRow(outputs, at.lists || step === 1 || step % LISTS_EVERY === 0),
  };
};
