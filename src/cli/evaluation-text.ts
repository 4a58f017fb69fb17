// What an evaluation found, in a line.
import type { Evaluation } from "../runtime/index.ts";
import { counted } from "./numbers.ts";

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

/** Of each head by itself: "heads: accuracy 94.34%, 94.73%  (loss 0.3137, 0.3068)"; nothing where there is one alone. */
const ofHeads = ({ measures }: Evaluation): string => {
  const each = (measure: string): readonly number[] => {
    const found: number[] = [];
    for (let i = 0; measures[`heads/${i}/${measure}`] !== undefined; i += 1)
      found.push(measures[`heads/${i}/${measure}`]!);
    return found;
  };
  const accuracies = each("accuracy").map(percent).join(", ");
  const losses = each("loss").map((loss) => loss.toFixed(4)).join(", "); // prettier-ignore
  return accuracies === "" ? "" : `\nheads: accuracy ${accuracies}  (loss ${losses})`;
};

const whole = (n: number): string => n.toLocaleString("en-US");
/** What was looked at, and that it is a part where it is one: "65,536 tokens of 512 of the 1,034 sequences held out". */
const seen = (evaluation: Evaluation): string => {
  const { samples, heldOut } = evaluation;
  const isPart = samples < heldOut;
  if (evaluation.kind === "images")
    return `${counted(evaluation.images, "image")}${isPart ? ` of the ${whole(heldOut)} held out` : ""}`;
  const part = ` of ${whole(samples)} of the ${whole(heldOut)} sequences held out`;
  return `${counted(evaluation.tokens, "token")}${isPart ? part : ""}`;
};

export const evaluationText = (evaluation: Evaluation): string => {
  const { loss } = evaluation;
  const more = measured(evaluation);
  return evaluation.kind === "text"
    ? `${evaluation.bitsPerByte.toFixed(4)} bits per byte  (loss ${loss.toFixed(4)} nats a token, perplexity ${evaluation.perplexity.toFixed(2)}, ${seen(evaluation)}${more === "" ? "" : `; ${more}`})${ofHeads(evaluation)}`
    : `${more}  (loss ${loss.toFixed(4)} nats an image, ${seen(evaluation)})${ofHeads(evaluation)}`;
};
