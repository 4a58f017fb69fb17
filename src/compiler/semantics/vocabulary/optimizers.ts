// The words of recipes for an update: optimizers, schedules, clipping and weight decay, with PyTorch's defaults unless a key says
// otherwise.
import { isQuantity } from "../spec-values.ts";
import type { Complaint } from "../../diagnostics/entry.ts";
import type { BaseEntry } from "../catalogue.ts";
import type { Constructor, Key, Unit } from "../schema.ts";
import type { Variant } from "../spec.ts";
import { shown } from "../values.ts";
import { fraction, key, positive, yesNo } from "./kit.ts";

const quantity = (...units: readonly Unit[]): Key["type"] => ({ kind: "quantity", units });
const steps = (name: string, doc: string, fallback: string): Key =>
  key(name, quantity("step", "%"), `${doc}: steps, or a share of the training`, {
    default: fallback,
  });
const floor = key(
  "floor",
  fraction,
  "what is left of the rate at the end, as a share of its peak",
  { default: "10%" },
);
const warmup = steps("warmup", "linear rise from zero", "10%");
const torch = "PyTorch torch.optim";
const rate = key("lr", positive, "peak learning rate", {
  default: "1e-3",
  source: `${torch}.Adam`,
});
const beta = { kind: "float", min: 0, below: 1 } as const;
const adamKeys: readonly Key[] = [
  rate,
  key(
    "betas",
    { kind: "list", of: beta, length: 2 },
    "decay of the running means of gradients and of their squares",
    {
      default: "[0.9, 0.999]",
      source: `${torch}.Adam`,
    },
  ),
  key("eps", positive, "added to the denominator", { default: "1e-8", source: `${torch}.Adam` }),
];

/** Shares of the training, 100% together. */
const phases = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const parts = [value["warmup"], value["decay"]].filter(isQuantity).filter((q) => q.unit === "%");
  const total = parts.reduce((all, q) => all + q.value, 0);
  if (total <= 1 + 1e-9) return [];
  return [{ name: "phases-overlap", args: { total: `${shown(total * 100)}%` }, at: "decay" }];
};

/** Looking ahead along a momentum needs one. */
const momentumToLookAt = (value: Variant): readonly Complaint<BaseEntry>[] =>
  value["nesterov"] === true && value["momentum"] === 0
    ? [
        {
          name: "nesterov-without-momentum",
          args: {},
          at: "nesterov",
          details: { help: ["use momentum: 0.9, or nesterov: false"] },
        },
      ]
    : [];

export const optimizerConstructors: readonly Constructor[] = [
  {
    name: "adamw",
    of: "Optimizer",
    doc: "Adam with decoupled weight decay",
    source: "arXiv 1711.05101",
    keys: adamKeys,
  },
  {
    name: "adam",
    of: "Optimizer",
    doc: "running means of gradients over the root of those of their squares",
    source: "arXiv 1412.6980",
    keys: adamKeys,
  },
  {
    name: "sgd",
    of: "Optimizer",
    doc: "plain gradient steps, with momentum if wanted",
    keys: [
      { ...rate, source: `${torch}.SGD` },
      key("momentum", beta, "share of the last update that is kept", {
        default: "0",
        source: `${torch}.SGD`,
      }),
      key("nesterov", yesNo, "the gradient and momentum as it will be, instead of as it is", {
        default: "false",
        source: `${torch}.SGD`,
      }),
    ],
    check: momentumToLookAt,
  },
  {
    name: "constant",
    of: "Schedule",
    doc: "warm-up, then the peak rate",
    keys: [steps("warmup", "linear rise from zero", "0 steps")],
  },
  {
    name: "linear",
    of: "Schedule",
    doc: "warm-up, then a straight line down to the floor",
    keys: [warmup, { ...floor, default: "0" }],
  },
  {
    name: "cosine",
    of: "Schedule",
    doc: "warm-up, then half a cosine down to the floor",
    source: "arXiv 1608.03983",
    keys: [warmup, floor],
  },
  {
    name: "wsd",
    of: "Schedule",
    doc: "warm-up, the peak rate, then a straight line down to the floor: warm-up, stable, decay",
    source: "arXiv 2404.06395",
    keys: [warmup, steps("decay", "linear fall to the floor at the end", "20%"), floor],
    check: phases,
  },
  {
    name: "multi_step",
    of: "Schedule",
    doc: "warm-up, then the peak rate, times `factor` from each of the steps in `at` on",
    source: "PyTorch torch.optim.lr_scheduler.MultiStepLR",
    keys: [
      { ...warmup, default: "0 steps" },
      key(
        "at",
        { kind: "list", of: quantity("step", "%"), min: 1, single: true },
        "where the rate falls: steps, or shares of the training",
        { example: "[50%, 75%]" },
      ),
      key("factor", { kind: "float", min: 0, max: 1 }, "what the rate is multiplied by", {
        default: "0.1",
        source: "PyTorch torch.optim.lr_scheduler.MultiStepLR",
      }),
    ],
  },
  {
    name: "global_norm",
    of: "Clip",
    doc: "scales all gradients so that their joint norm is at most `max`",
    source: "PyTorch clip_grad_norm_",
    keys: [key("max", positive, "largest joint norm", { default: "1.0" })],
  },
  { name: "none", of: "Decay", doc: "no weight decay", keys: [] },
  {
    name: "constant",
    of: "Decay",
    doc: "the same rate all the time",
    keys: [key("rate", { kind: "float", min: 0 }, "weight decay", { example: "0.1" })],
  },
];
