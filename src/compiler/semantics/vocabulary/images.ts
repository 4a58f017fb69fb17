// The words of image models: stem, residual units, batch norm, classifier, with PyTorch's defaults.
import { numberOf } from "../spec-values.ts";
import type { Complaint } from "../../diagnostics/entry.ts";
import type { BaseEntry } from "../catalogue.ts";
import type { Constructor, Key, SumType } from "../schema.ts";
import type { Value, Variant } from "../spec.ts";
import { counting, ctor, key, positive, sum, yesNo } from "./kit.ts";

export const imageSums: readonly SumType[] = [
  { name: "Input", doc: "what a model reads; it decides which other keys there are" },
  { name: "Stem", doc: "how an image enters the model" },
  { name: "StemPool", doc: "how the stem makes the image smaller" },
  { name: "Unit", doc: "a residual unit" },
  { name: "Stride", doc: "where a group of units makes the image smaller" },
  { name: "ImageNorm", doc: "what normalising an image means" },
  { name: "ImageHead", doc: "what the last state is turned into" },
  { name: "Pool", doc: "how places become one" },
];

const norm = key("norm", sum("ImageNorm"), "after each convolution, or before it where the unit says so", {
  default: "batchnorm()",
}); // prettier-ignore
const stride = key("stride", sum("Stride"), "every so many places in the first convolution", {
  default: "every(1)",
});
const channels = key("channels", counting, "channels that the unit gives", { example: "8" });

/** Complaints are about numbers alone: other values are told elsewhere. */
const sizeOf = (value: Value | undefined): number => numberOf(value) ?? NaN;
/** A window needs a middle, so that zeros on both sides keep the size. */
const oddKernel = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const size = sizeOf(value["kernel"]);
  if (size % 2 !== 0) return [];
  const help = [`use kernel: ${size + 1} or ${size - 1}`];
  return [{ name: "even-kernel", args: { size }, at: "kernel", details: { help } }];
};
/** A mean and a deviation for each channel, or neither. */
const eachChannel = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const { channels, mean, std } = value;
  return [["mean", mean] as const, ["std", std] as const].flatMap(([name, list]) =>
    !Array.isArray(list) || list.length === channels
      ? []
      : [
          {
            name: "number-for-each-channel",
            args: { name, given: list.length, channels: sizeOf(channels) },
            at: name,
            details: { help: [`write a list of ${sizeOf(channels)}, or channels: ${list.length}`] },
          },
        ],
  );
};
const poolEdge = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const [window, pad] = [sizeOf(value["window"]), sizeOf(value["pad"])];
  if (!(2 * pad > window)) return [];
  const help = [`use pad: ${Math.floor(window / 2)} or less`];
  return [{ name: "pool-of-edges", args: { window, pad }, at: "pad", details: { help } }];
};

export const imageConstructors: readonly Constructor[] = [
  ctor("Input", "tokens", "a sequence of token ids: the model is a decoder"),
  {
    ...ctor("Input", "image", "an image: the model is a residual network with a classifier", [
      key("height", counting, "rows", { example: "32" }),
      key("width", counting, "columns", { example: "32" }),
      key("channels", counting, "1 for grey, 3 for colour", { default: "3" }),
      key(
        "mean",
        { kind: "list", of: { kind: "float" } },
        "taken from each channel, pixels being from 0 to 1",
        {
          default: "none",
          optional: true,
        },
      ),
      key("std", { kind: "list", of: positive }, "each channel is divided by it", {
        default: "none",
        optional: true,
      }),
    ]),
    check: eachChannel,
  },
  {
    ...ctor("Stem", "conv", "a convolution, and what follows it", [
      key("channels", counting, "channels that it gives", { example: "8" }),
      key("kernel", counting, "side of the window, an odd number", { default: "3", example: "5" }),
      key("stride", counting, "every so many places", { default: "1", example: "2" }),
      key("norm", sum("ImageNorm"), "a norm and ReLU after it", {
        default: "none",
        optional: true,
      }),
      key("pool", sum("StemPool"), "makes the image smaller once more", {
        default: "none",
        optional: true,
      }),
    ]),
    check: oddKernel,
  },
  {
    ...ctor("StemPool", "max_pool", "the largest value of each window", [
      key("window", counting, "side of the window", { default: "3" }),
      key("stride", counting, "every so many places", { default: "2" }),
      key("pad", { kind: "int", min: 0 }, "places around the image that count for nothing", {
        default: "1",
      }),
    ]),
    source: "arXiv 1512.03385, table 1",
    check: poolEdge,
  },
  ctor(
    "Unit",
    "wide_basic",
    "x + conv(relu(norm(conv(relu(norm(x)))))): norms come first, both convolutions are 3×3",
    [channels, stride, norm],
    "arXiv 1605.07146",
  ),
  ctor(
    "Unit",
    "basic",
    "relu(x + norm(conv(relu(norm(conv(x)))))): both convolutions are 3×3",
    [channels, stride, norm],
    "arXiv 1512.03385",
  ),
  ctor(
    "Unit",
    "bottleneck",
    "relu(x + norm(conv 1×1(… conv 3×3(… conv 1×1(x))))): few channels inside, many outside",
    [
      key("channels", counting, "channels inside", { example: "4" }),
      stride,
      key("expansion", counting, "channels outside are so many times those inside", {
        default: "4",
      }),
      norm,
    ],
    "arXiv 1512.03385",
  ),
  ctor("Stride", "every", "in each unit of the group", [
    key("stride", counting, "1 keeps the size", { example: "1" }),
  ]),
  ctor("Stride", "first", "in the first unit of the group alone", [
    key("stride", counting, "2 halves both sides", { example: "2" }),
  ]),
  ctor(
    "ImageNorm",
    "batchnorm",
    "(x − mean) / sqrt(variance + eps) · weight + bias for each channel; statistics of the batch in training, running ones elsewhere",
    [
      key("eps", positive, "added to the variance", {
        default: "1e-5",
        source: "PyTorch nn.BatchNorm2d",
      }),
      key(
        "momentum",
        { kind: "float", min: 0, max: 1, percent: true },
        "share of a batch in the running statistics",
        { default: "0.1", source: "PyTorch nn.BatchNorm2d" },
      ),
    ],
    "arXiv 1502.03167",
  ),
  ctor("ImageHead", "classifier", "a logit for each class, of the pooled image", [
    key("classes", { kind: "int", min: 2 }, "classes to choose from", { example: "10" }),
    key("pool", sum("Pool"), "how places become one", { default: "average()" }),
    key("bias", yesNo, "a number for each class is added", { default: "true" }),
    key("init", sum("Init"), "how it starts; none is as the model's other layers do", {
      default: "none",
      optional: true,
    }),
  ]),
  ctor("Pool", "average", "the mean over windows that do not overlap, what is left over dropped", [
    key("window", counting, "side of the window; none is the whole image", {
      default: "none",
      optional: true,
    }),
  ]),
  ctor(
    "Init",
    "kaiming",
    "normal distribution of variance 2 / fan",
    [
      key(
        "fan",
        {
          kind: "word",
          words: [
            { name: "in", doc: "values that one output sums over" },
            { name: "out", doc: "outputs that one value goes into, as ResNets are started" },
          ],
        },
        "what is counted",
        { default: "out", source: "torchvision ResNet" },
      ),
    ],
    "arXiv 1502.01852",
  ),
];

/** Both kinds of models have it: it tells them apart. */
export const inputKey = key("input", sum("Input"), "what the model reads", {
  default: "tokens()",
});

export const imageModelKeys: readonly Key[] = [
  inputKey,
  key("init", sum("Init"), "how kernels and linear layers start", {
    default: "fan_in()",
    source: "PyTorch nn.Conv2d",
  }),
  key("stem", sum("Stem"), "how the image enters the model"),
  key("final_norm", sum("ImageNorm"), "a norm and ReLU after the last unit, for units whose norms come first", {
    default: "batchnorm()",
    optional: true,
    source: "arXiv 1605.07146",
  }),
  key("head", sum("ImageHead"), "what the last state is turned into"),
]; // prettier-ignore

export const imageBlockKeys: readonly Key[] = [key("unit", sum("Unit"), "the residual unit")];
