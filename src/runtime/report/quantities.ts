// What the names of metrics mean to a reader: a title as a person would write it, its unit, and how its numbers are told.
import { partMeasure, singular } from "../../bundle/branches.ts";
import {
  countTick,
  grouped,
  lossText,
  measureText,
  measureTick,
  percentText,
} from "../../bundle/numbers.ts";

/** A kind of number. */
interface Numbers {
  /** In full. */
  readonly text: (x: number) => string;
  /** As short as can be, beside an axis. */
  readonly tick: (x: number) => string;
}
const LOSS: Numbers = { text: lossText, tick: measureTick };
const SHARE: Numbers = { text: percentText, tick: (share) => `${measureTick(share * 100)}%` };
const COUNT: Numbers = { text: (n) => grouped(Number(n.toPrecision(4))), tick: countTick };
const MEASURE: Numbers = { text: measureText, tick: measureTick };

const KINDS: Readonly<Record<string, Numbers>> = {
  loss: LOSS,
  bits_per_byte: LOSS,
  accuracy: SHARE,
  calibration_error: SHARE,
  disagreement: SHARE,
  load: SHARE,
  tokens_per_second: COUNT,
  images_per_second: COUNT,
  dropped: COUNT,
};
/** Of a metric by its whole name or by its quantity alone. */
export const numbersOf = (name: string): Numbers =>
  KINDS[name.slice(name.lastIndexOf("/") + 1).replace(/_of_\w+$/, "")] ?? MEASURE;

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** "activation_variance" -> "Activation variance", "loss_of_heads" -> "Training loss of each head" */
export const titleOf = (quantity: string): string => {
  const [, measure, word] = /^(\w+)_of_(\w+)$/.exec(quantity) ?? [];
  const title =
    measure === undefined || word === undefined
      ? quantity
      : `training ${measure} of each ${singular(word)}`;
  return capital(title.replaceAll("_", " "));
};

const TITLES: Readonly<Record<string, string>> = {
  "train/loss": "Training loss",
  // norms of single gradients are probes
  "train/grad_norm": "Global gradient norm",
  "perf/tokens_per_second": "Speed",
  "perf/images_per_second": "Speed",
};
/** "eval/heads/0/loss" -> "Held-out loss of head 0", "train/learning_rate" -> "Learning rate". */
export const scalarTitle = (name: string): string => {
  const known = TITLES[name];
  if (known !== undefined) return known;
  const [, kind, rest = name] = /^(\w+)\/(.+)$/.exec(name) ?? [];
  const part = partMeasure(rest);
  const words = (part?.measure ?? rest).replaceAll("_", " ").replaceAll("/", " ");
  const whose = part === undefined ? "" : ` of ${singular(part.word)} ${part.index}`;
  return capital(`${kind === "eval" ? "held-out " : ""}${words}${whose}`);
};

/** What a scalar counts, or of what it is. */
export const scalarNote = (name: string, item: "token" | "image"): string | undefined => {
  if (/\/loss$/.test(name)) return `nats ${item === "image" ? "an image" : "a token"}`;
  return NOTES[name];
};
const NOTES: Readonly<Record<string, string>> = {
  "eval/calibration_error": "of confidence against accuracy",
  "train/grad_norm": "of all parameters, before clipping",
  "perf/tokens_per_second": "tokens a second",
  "perf/images_per_second": "images a second",
};

/** What is measured at each place of the model, where its name leaves a question. */
export const quantityNote = (quantity: string): string | undefined => PLACED[quantity];
const PLACED: Readonly<Record<string, string>> = {
  activation_variance: "of the residual stream after each place",
  activation_gradient_norm: "at the residual stream after each place",
  gradient_norm: "of the weights of each place, before clipping",
  entropy: "in nats, of a token's shares",
};

/** What a number of a list stands for. */
export const itemOf = (quantity: string): string => (quantity === "load" ? "expert" : "number");
