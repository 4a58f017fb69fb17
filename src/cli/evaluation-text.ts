// What an evaluation found, in a line.
import type { Evaluation } from "../runtime/index.ts";
import { grouped } from "./numbers.ts";

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** What the evaluation program summed beside the loss, where it did. */
const measured = ({ measures }: Evaluation): string => {
  const known = [
    ["accuracy", "accuracy"],
    ["calibration_error", "calibration error"],
    ["disagreement", "disagreement of heads"],
  ] as const;
  return known
    .flatMap(([key, name]) =>
      measures[key] === undefined ? [] : [`${name} ${percent(measures[key])}`],
    )
    .join(", ");
};

/** The number that people look at first. */
export const headline = (evaluation: Evaluation): string =>
  evaluation.kind === "text"
    ? `${evaluation.bitsPerByte.toFixed(3)} bits per byte`
    : `accuracy ${percent(evaluation.measures["accuracy"] ?? NaN)}`;

export const evaluationText = (evaluation: Evaluation): string => {
  const { loss } = evaluation;
  const more = measured(evaluation);
  return evaluation.kind === "text"
    ? `${evaluation.bitsPerByte.toFixed(4)} bits per byte  (loss ${loss.toFixed(4)} nats a token, perplexity ${evaluation.perplexity.toFixed(2)}, ${grouped(evaluation.tokens)} tokens${more === "" ? "" : `; ${more}`})`
    : `${more}  (loss ${loss.toFixed(4)} nats an image, ${grouped(evaluation.images)} images)`;
};
