// The words of recipes: data, optimizer, schedule, clipping and weight decay, with PyTorch's defaults unless a key says otherwise.
import { isQuantity } from "../spec-values.ts";
import type { Complaint } from "../../diagnostics/entry.ts";
import type { BaseEntry } from "../catalogue.ts";
import type { Constructor, Key, RuleBlock, SumType, Unit } from "../schema.ts";
import type { Value, Variant } from "../spec.ts";
import { shown } from "../values.ts";
import { counting, fraction, key, positive, sum, yesNo } from "./kit.ts";

export const recipeSums: readonly SumType[] = [
  { name: "Data", doc: "what is trained on" },
  { name: "Tokenizer", doc: "how text becomes tokens" },
  { name: "Optimizer", doc: "how gradients become updates" },
  { name: "Schedule", doc: "how the learning rate moves over the steps" },
  { name: "Clip", doc: "how large a gradient may be" },
  { name: "Decay", doc: "how weights shrink" },
  { name: "Sparsity", doc: "which weights are there at all" },
  { name: "Precision", doc: "the numbers that training computes with" },
  { name: "Sample", doc: "a text to generate" },
  { name: "Probes", doc: "what is measured of a model while it trains" },
];

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

/** "95%, 5%" is all there is. */
const wholeSplit = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const split = value["split"];
  if (!Array.isArray(split)) return [];
  const parts = (split as readonly Value[]).filter((x) => typeof x === "number");
  const total = parts.reduce((all, x) => all + x, 0);
  if (Math.abs(total - 1) < 1e-9) return [];
  const first = parts[0] ?? 1;
  const help = [`use split: [${shown(first * 100)}%, ${shown((1 - first) * 100)}%]`];
  return [
    {
      name: "split-sum",
      args: { total: `${shown(total * 100)}%` },
      at: "split",
      ...(first <= 1 && { details: { help } }),
    },
  ];
};

export const recipeConstructors: readonly Constructor[] = [
  {
    name: "text",
    of: "Data",
    doc: "plain text files, read in the order of their names",
    keys: [
      key(
        "files",
        { kind: "list", of: { kind: "string" }, min: 1, single: true },
        "paths or patterns, from the project's folder on (that of the nearest package.json above, else this file's); with `package`, inside it",
        { example: '"corpus.txt"' },
      ),
      key("package", { kind: "string" }, "an installed npm package that holds the files", {
        default: "none",
        optional: true,
      }),
      key("tokenizer", sum("Tokenizer"), "how text becomes tokens", { default: "bytes()" }),
      key("sequence", { kind: "int", min: 2 }, "tokens of one sequence", { default: "256" }),
      key(
        "pack",
        yesNo,
        "sequences run across the ends of files; otherwise each file starts a new one",
        { default: "true" },
      ),
      key(
        "split",
        { kind: "list", of: fraction, length: 2 },
        "shares for training and validation",
        { default: "[95%, 5%]" },
      ),
    ],
    check: wholeSplit,
  },
  { name: "bytes", of: "Tokenizer", doc: "each byte of UTF-8 is a token: 256 of them", keys: [] },
  {
    name: "bpe",
    of: "Tokenizer",
    doc: "byte-level byte-pair encoding in the tokenizer.json format",
    source: "arXiv 1508.07909",
    keys: [
      key(
        "file",
        { kind: "string" },
        "the tokenizer's file, from the project's folder on; trained on the data and written when it is missing",
        { example: '"tokenizer.json"' },
      ),
      key("size", { kind: "int", min: 256 }, "tokens to train when the file is missing", {
        default: "none",
        optional: true,
      }),
    ],
  },
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
  { name: "none", of: "Sparsity", doc: "every weight is there", keys: [] },
  {
    name: "f32",
    of: "Precision",
    doc: "32-bit floating point throughout",
    keys: [
      key(
        "tf32",
        yesNo,
        "NVIDIA cards may round what products read to 10 bits: faster, and no longer the numbers of other engines",
        { default: "false", source: "PyTorch torch.backends.cuda.matmul.allow_tf32" },
      ),
    ],
  },
  {
    name: "bf16",
    of: "Precision",
    doc: "products of bfloat16 with 32-bit sums; weights, optimizer, norms, softmax statistics and loss in 32 bits. For the tensorflow engine",
    source: "arXiv 1710.03740, arXiv 1905.12322",
    keys: [
      key(
        "residual",
        {
          kind: "word",
          words: [
            { name: "bf16", doc: "as the training code of JAX models and Megatron-LM have it" },
            { name: "f32", doc: "as PyTorch's autocast leaves it: more memory traffic" },
          ],
        },
        "what the residual stream between layers is",
        { default: "bf16" },
      ),
    ],
  },
  {
    name: "sample",
    of: "Sample",
    doc: "a continuation that `train` prints when it is done",
    keys: [
      key("prompt", { kind: "string" }, "what the text begins with", { default: '"The "' }),
      key("tokens", counting, "tokens to add", { default: "200" }),
      key("temperature", { kind: "float", min: 0 }, "0 always takes the likeliest token", {
        default: "0.8",
      }),
      key("top_k", counting, "only the likeliest so many tokens", {
        default: "none",
        optional: true,
      }),
    ],
  },
  {
    name: "per_block",
    of: "Probes",
    doc: "numbers of each block, of what stands before the blocks and of what follows them, at the first step and then at every so many",
    keys: [
      key("every", { kind: "quantity", units: ["step"], min: 1 }, "steps from one to the next", {
        default: "100 steps",
      }),
      key(
        "measure",
        {
          kind: "list",
          of: {
            kind: "word",
            words: [
              {
                name: "activation_variance",
                doc: "variance of the residual stream after it, over sequences, positions and channels; also where a method scales the stream",
              },
              {
                name: "activation_gradient_norm",
                doc: "norm of the loss's gradient at the residual stream after it",
              },
              {
                name: "gradient_norm",
                doc: "joint norm of the gradients of its weights, before any clipping",
              },
            ],
          },
          min: 1,
          single: true,
        },
        "what is measured, for the whole batch; other steps compute none of it",
        { default: "[activation_variance, activation_gradient_norm, gradient_norm]" },
      ),
    ],
  },
];

const sequences: Key["type"] = { kind: "quantity", units: ["sequence", "sample"], min: 1 };

export const recipeKeys: readonly Key[] = [
  key("data", sum("Data"), "what is trained on"),
  key("optimizer", sum("Optimizer"), "how gradients become updates", { default: "adamw()" }),
  key("schedule", sum("Schedule"), "how the learning rate moves", { default: "cosine()" }),
  key("batch", sequences, "sequences, or samples, in one update", { default: "32 sequences" }),
  key(
    "micro",
    sequences,
    "sequences, or samples, in one pass through the model; it must divide batch",
    {
      default: "batch",
    },
  ),
  key(
    "length",
    { kind: "quantity", units: ["step", "epoch", "token"], min: 1 },
    "how long to train",
    { default: "1 epoch" },
  ),
  key("clip", sum("Clip"), "how large a gradient may be", { default: "none", optional: true }),
  key("precision", sum("Precision"), "the numbers that training computes with", { default: "f32" }),
  key(
    "deterministic",
    yesNo,
    "only kernels whose results do not depend on the order of threads: on cards too a run that is resumed repeats every bit",
    { default: "false", source: "PyTorch torch.use_deterministic_algorithms" },
  ),
  key(
    "checkpoint",
    {
      kind: "word",
      words: [{ name: "block", doc: "only what stands between blocks is kept" }],
    },
    "computes parts of the forward pass again for their gradients instead of keeping them: less memory, about a third more work",
    { default: "none", optional: true, source: "arXiv 1604.06174" },
  ),
  key(
    "seed",
    { kind: "int", min: 0, max: 2 ** 32 - 1 },
    "where init, data order and sampling begin",
    { default: "42", source: "Hugging Face TrainingArguments: seed" },
  ),
  key(
    "eval_every",
    { kind: "quantity", units: ["step"], min: 1 },
    "steps between evaluations; none evaluates at the end",
    { default: "none", optional: true },
  ),
  key(
    "save_every",
    { kind: "quantity", units: ["step"], min: 1 },
    "steps between checkpoints; none saves at the end",
    { default: "none", optional: true },
  ),
  key("probes", sum("Probes"), "what is measured of each block on some of the steps", {
    default: "none",
    optional: true,
  }),
  key("sample", sum("Sample"), "a text that `train` prints when it is done", {
    default: "none",
    optional: true,
  }),
];

export const recipeRules: readonly RuleBlock[] = [
  {
    name: "decay",
    of: "Decay",
    doc: "weight decay of each parameter: the first rule that matches it holds, and every parameter needs one",
    default: "norm, bias, embedding => none\n* => constant(0.1)",
    instead: [
      { key: "optimizer", is: "adam", default: "* => none" },
      { key: "optimizer", is: "sgd", default: "* => none" },
    ],
  },
  {
    name: "sparsity",
    of: "Sparsity",
    doc: "which weights of matrices and kernels are zero and stay it while training: the first rule that matches a parameter holds, and each rule has a budget of its own. Norms, biases and other vectors keep all of theirs under any rule",
    default: "* => none",
  },
];
