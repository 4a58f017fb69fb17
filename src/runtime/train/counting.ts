// What a training is counted in: tokens of text, or images; and the rows of metrics.jsonl that say so.
import type { Manifest, TrainingSpec } from "../../bundle/manifest.ts";
import type { Evaluation } from "./evaluate.ts";
import type { Row } from "./metrics.ts";

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
