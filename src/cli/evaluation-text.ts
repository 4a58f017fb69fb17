// What an evaluation found, in a line.
import { partsWord } from "../bundle/branches.ts";
import type { Evaluation } from "../runtime/index.ts";
import { counted } from "./numbers.ts";

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** What the evaluation program summed beside the loss, where it did. */
const measured = ({ measures }: Evaluation): string => {
  const known = [
    ["accuracy", "accuracy"],
    ["calibration_error", "calibration error"],
    ["disagreement", `disagreement of ${partsWord(Object.keys(measures)) ?? ""}`],
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
  const losses = each("loss", (loss) => loss.toFixed(4));
  return `\n${word}: accuracy ${each("accuracy", percent)}  (loss ${losses})`;
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

/** Behind a number in the middle of a training, which looks at fewer than the last one: ", of 64 of 1,034 sequences". */
export const partText = ({ kind, samples, heldOut }: Evaluation): string =>
  samples < heldOut
    ? `, of ${whole(samples)} of ${whole(heldOut)} ${kind === "text" ? "sequences" : "images"}`
    : "";

export const evaluationText = (evaluation: Evaluation): string => {
  const { loss } = evaluation;
  const more = measured(evaluation);
  return evaluation.kind === "text"
    ? `${evaluation.bitsPerByte.toFixed(4)} bits per byte  (loss ${loss.toFixed(4)} nats a token, perplexity ${evaluation.perplexity.toFixed(2)}, ${seen(evaluation)}${more === "" ? "" : `; ${more}`})${ofParts(evaluation)}`
    : `${more}  (loss ${loss.toFixed(4)} nats an image, ${seen(evaluation)})${ofParts(evaluation)}`;
};
