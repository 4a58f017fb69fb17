// What an evaluation found, in a line.
import { partsWord } from "../bundle/branches.ts";
import type { Evaluation } from "../runtime/index.ts";
import { counted, grouped, lossText, measureText, percentText } from "../bundle/numbers.ts";

/** What the evaluation program summed beside the loss, where it did. */
const measured = ({ measures }: Evaluation): string => {
  const known = [
    ["accuracy", "accuracy"],
    ["calibration_error", "calibration error"],
    ["disagreement", `disagreement of ${partsWord(Object.keys(measures)) ?? ""}`],
  ] as const;
  return known
    .flatMap(([key, name]) =>
      measures[key] === undefined ? [] : [`${name} ${percentText(measures[key])}`],
    )
    .join(", ");
};

/** The number that people look at first. */
export const headline = (evaluation: Evaluation): string =>
  evaluation.kind === "text"
    ? `${lossText(evaluation.bitsPerByte)} bits per byte`
    : `accuracy ${percentText(evaluation.measures["accuracy"] ?? NaN)}`;

/** Of each head or member by itself: "heads: accuracy 94.34%, 94.73%  (loss 0.3137, 0.3068)"; nothing where there is one alone. */
const ofParts = ({ measures }: Evaluation): string => {
  const word = partsWord(Object.keys(measures));
  if (word === undefined) return "";
  const each = (measure: string, shown: (value: number) => string): string => {
    const found: string[] = [];
    for (let i = 0; measures[`${word}/${i}/${measure}`] !== undefined; i += 1)
      found.push(shown(measures[`${word}/${i}/${measure}`]!));
    return found.join(", ");
  };
  const losses = each("loss", lossText);
  return `\n${word}: accuracy ${each("accuracy", percentText)}  (loss ${losses})`;
};

/** What was looked at, and that it is a part where it is one: "65,536 tokens of 512 of the 1,034 sequences held out". */
const seen = (evaluation: Evaluation): string => {
  const { samples, heldOut } = evaluation;
  const isPart = samples < heldOut;
  if (evaluation.kind === "images")
    return `${counted(evaluation.images, "image")}${isPart ? ` of the ${grouped(heldOut)} held out` : ""}`;
  const part = ` of ${grouped(samples)} of the ${grouped(heldOut)} sequences held out`;
  return `${counted(evaluation.tokens, "token")}${isPart ? part : ""}`;
};

/** Behind a number in the middle of a training, which looks at fewer than the last one: ", of 64 of 1,034 sequences". */
export const partText = ({ kind, samples, heldOut }: Evaluation): string =>
  samples < heldOut
    ? `, of ${grouped(samples)} of ${grouped(heldOut)} ${kind === "text" ? "sequences" : "images"}`
    : "";

export const evaluationText = (evaluation: Evaluation): string => {
  const { loss } = evaluation;
  const more = measured(evaluation);
  return evaluation.kind === "text"
    ? `${lossText(evaluation.bitsPerByte)} bits per byte  (loss ${lossText(loss)} nats a token, perplexity ${measureText(evaluation.perplexity)}, ${seen(evaluation)}${more === "" ? "" : `; ${more}`})${ofParts(evaluation)}`
    : `${more}  (loss ${lossText(loss)} nats an image, ${seen(evaluation)})${ofParts(evaluation)}`;
};
