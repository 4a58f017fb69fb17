// The words of recipes: what is trained on and how, in which numbers, and what is measured and said of it.
import type { Constructor, Key, RuleBlock, SumType } from "../schema.ts";
import { counting, key, sum, yesNo } from "./kit.ts";
import { optimizerConstructors } from "./optimizers.ts";
import { textDataConstructors } from "./text-data.ts";

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

export const recipeConstructors: readonly Constructor[] = [
  ...textDataConstructors,
  ...optimizerConstructors,
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
    doc: "which weights of matrices and kernels are zero and stay it while training: the first rule that matches a parameter holds, and each rule has a budget of its own. Norms, biases and other vectors keep all of theirs under any rule. Masks that move while training, as those of RigL and SET do, are not there yet",
    default: "* => none",
  },
];
