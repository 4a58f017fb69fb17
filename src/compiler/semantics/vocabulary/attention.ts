// Words of attention: its kinds, what is done to queries, keys and scores, and how positions enter.
import type { Complaint } from "../../diagnostics/entry.ts";
import type { BaseEntry } from "../catalogue.ts";
import type { Constructor, Key } from "../schema.ts";
import { numberOf } from "../spec-values.ts";
import type { Variant } from "../spec.ts";
import { biasKey, counting, ctor, initKey, key, llama, positive, sum, yesNo } from "./kit.ts";

const heads = key(
  "heads",
  counting,
  "query heads; they must divide hidden_size unless head_dim is given",
  { example: "4" },
);
const options: readonly Key[] = [
  key("head_dim", counting, "channels of one head; none is hidden_size / heads", {
    default: "none",
    example: "4",
    optional: true,
    source: `${llama}: head_dim`,
  }),
  key("position", sum("Position"), "how positions enter", { default: "rope()", source: llama }),
  biasKey("adds a bias to q, k and v, and to o unless out_bias says otherwise"),
  key("out_bias", yesNo, "adds a bias to o", { default: "bias" }),
  key("qk_norm", sum("QkNorm"), "a norm on queries and keys, before positions turn them", {
    default: "none",
    optional: true,
    source: "arXiv 2010.04245",
  }),
  key("window", counting, "how many keys a query sees, its own the last; none is all up to it", {
    default: "none",
    example: "2",
    optional: true,
    source: "arXiv 2310.06825",
  }),
  key("scale", positive, "factor of the scores q · k; none is 1 / sqrt(head_dim)", {
    default: "none",
    example: "0.5",
    optional: true,
  }),
  key("softcap", positive, "scores become cap · tanh(score / cap)", {
    default: "none",
    example: "2",
    optional: true,
    source: "arXiv 2408.00118",
  }),
  key("sinks", yesNo, "one trained logit a head joins the softmax and takes its share nowhere", {
    default: "false",
    source: "arXiv 2508.10925",
  }),
];

const factor = key("factor", { kind: "float", min: 1 }, "how many times longer than `original`", {
  example: "2",
});
const original = key("original", counting, "positions that the model was first trained on", {
  example: "32",
});
const tableFactor = key(
  "attention_factor",
  positive,
  "factor of cos and sin; none is the paper's, by how many times longer sequences may be",
  { default: "none", optional: true },
);
const factors = (name: string, length: string): Key =>
  key(
    name,
    { kind: "list", of: positive, min: 1 },
    `divisors of the frequencies in ${length} sequences, one for each two channels that turn`,
    { example: "[1, 2, 3, 4]" },
  );

/** Between two numbers of turns, arguments of these names. */
const checkRamp = (value: Variant, few: string, many: string): readonly Complaint<BaseEntry>[] => {
  const [from, to] = [numberOf(value[few]), numberOf(value[many])];
  if (from === undefined || to === undefined || from < to) return [];
  const help =
    from === to
      ? [`use a smaller ${few}, or a larger ${many}`]
      : [`use ${few}: ${to}, ${many}: ${from}`];
  return [{ name: "rope-ramp", args: { few, from, many, to }, at: few, details: { help } }];
};

const yarnProblem = (value: Variant): string | undefined => {
  const given = (name: string): boolean => typeof value[name] === "number";
  const pair = [given("mscale"), given("mscale_all_dim")];
  if (pair.every((x) => !x)) return undefined;
  if (pair.some((x) => !x)) return "mscale and mscale_all_dim go together";
  return given("attention_factor") ? "attention_factor leaves mscale without effect" : undefined;
};
const checkYarn = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const problem = yarnProblem(value);
  return [
    ...checkRamp(value, "beta_slow", "beta_fast"),
    ...(problem === undefined ? [] : [{ name: "yarn-factors", args: { problem } } as const]),
  ];
};

export const attentionConstructors: readonly Constructor[] = [
  ctor(
    "Attention",
    "mha",
    "multi-head attention: each head has its own keys and values",
    [heads, ...options],
    "arXiv 1706.03762",
  ),
  {
    ...ctor(
      "Attention",
      "gqa",
      "grouped-query attention: groups of heads share keys and values",
      [
        heads,
        key("kv", counting, "key-value heads; they must divide heads", { example: "2" }),
        ...options,
      ],
      "arXiv 2305.13245",
    ),
    neutral: [{ with: "gqa(heads: 4, kv: 4)", is: "mha(heads: 4)" }],
  },
  {
    ...ctor(
      "Attention",
      "mqa",
      "multi-query attention: all heads share one key and one value",
      [heads, ...options],
      "arXiv 1911.02150",
    ),
    neutral: [
      { with: "mqa(heads: 4)", is: "gqa(heads: 4, kv: 1)" },
      { with: "mqa(heads: 1)", is: "mha(heads: 1)" },
    ],
  },
  ctor(
    "QkNorm",
    "per_head",
    "normalises each head's channels; heads share the gain",
    [key("norm", sum("Norm"), "the norm", { default: "rmsnorm()" })],
    "Hugging Face Qwen3Config",
  ),
  ctor(
    "QkNorm",
    "joint",
    "normalises the channels of all heads together",
    [key("norm", sum("Norm"), "the norm", { default: "rmsnorm()" })],
    "arXiv 2409.02060",
  ),
  ctor(
    "Position",
    "rope",
    "turns queries and keys by angles that grow with the position",
    [
      key("theta", positive, "base of the wavelengths", {
        default: "10_000",
        source: `${llama}: rope_theta`,
      }),
      key("scaling", sum("RopeScaling"), "how the wavelengths fit a longer context", {
        default: "none",
        optional: true,
        source: `${llama}: rope_parameters`,
      }),
    ],
    "arXiv 2104.09864",
  ),
  ctor("Position", "learned", "one trained vector for each position, added to the embedding", [
    initKey("how the vectors start"),
  ]),
  ctor(
    "Position",
    "alibi",
    "lowers scores in proportion to the distance, each head at its own slope",
    [],
    "arXiv 2108.12409",
  ),
  ctor("Position", "none", "no information about positions beyond the causal mask"),
  ctor("RopeScaling", "linear", "positions divided by the factor", [factor], "arXiv 2306.15595"),
  ctor(
    "RopeScaling",
    "dynamic",
    "a larger theta for sequences beyond `original`, by the length that a program is compiled for",
    [factor, original],
    `${llama}: rope_type dynamic`,
  ),
  {
    ...ctor(
      "RopeScaling",
      "llama3",
      "long wavelengths divided by the factor, short ones kept, a ramp between",
      [
        factor,
        original,
        key("low_freq", positive, "wavelengths above original / low_freq are divided", {
          default: "1",
        }),
        key("high_freq", positive, "wavelengths below original / high_freq are kept", {
          default: "4",
        }),
      ],
      `${llama}: rope_type llama3`,
    ),
    check: (value) => checkRamp(value, "low_freq", "high_freq"),
  },
  {
    ...ctor(
      "RopeScaling",
      "yarn",
      "frequencies interpolated by how often they turn within `original`, and cos and sin scaled",
      [
        factor,
        original,
        key("beta_fast", positive, "dimensions that turn more often are kept", { default: "32" }),
        key("beta_slow", positive, "dimensions that turn less often are divided", {
          default: "1",
        }),
        key("truncate", yesNo, "the ramp begins and ends at whole dimensions", { default: "true" }),
        tableFactor,
        key("mscale", positive, "DeepSeek's form: cos and sin times a ratio of two scales", {
          default: "none",
          optional: true,
          source: "Hugging Face DeepseekV2Config",
        }),
        key(
          "mscale_all_dim",
          positive,
          "the scale below that ratio; mla's scores have it squared",
          {
            default: "none",
            optional: true,
            source: "Hugging Face DeepseekV2Config",
          },
        ),
      ],
      "arXiv 2309.00071",
    ),
    check: checkYarn,
  },
  ctor(
    "RopeScaling",
    "longrope",
    "each frequency has divisors of its own, others beyond `original`; cos and sin are scaled",
    [factors("short", "short"), factors("long", "long"), original, tableFactor],
    "arXiv 2402.13753",
  ),
];
