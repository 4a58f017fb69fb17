// The words of models: what a decoder of the LLaMA family is made of, with the defaults of the libraries people compare with.
import type { Constructor, Key, SumType } from "../schema.ts";
import { attentionConstructors } from "./attention.ts";
import { feedForwardConstructors } from "./feed-forward.ts";
import { inputKey } from "./images.ts";
import { counting, ctor, initKey, key, llama, positive, sum, yesNo } from "./kit.ts";
import { normConstructors } from "./norms.ts";

export const modelSums: readonly SumType[] = [
  { name: "NormPlacement", doc: "where a block normalises" },
  { name: "Norm", doc: "what normalising means" },
  { name: "Attention", doc: "how positions look at each other" },
  { name: "QkNorm", doc: "what a norm on queries and keys spans" },
  { name: "Position", doc: "how attention learns where a token stands" },
  { name: "RopeScaling", doc: "how rotary positions fit a longer context" },
  { name: "Residual", doc: "what of a sub-layer's result joins the stream" },
  { name: "Ffn", doc: "the feed-forward layer of a block" },
  { name: "Embedding", doc: "how tokens enter the model" },
  { name: "Init", doc: "how weights start" },
  { name: "Head", doc: "what the last state is turned into" },
  { name: "Scaling", doc: "what is done to the residual stream; features bring the variants" },
];

const ends: readonly Constructor[] = [
  ctor("Embedding", "token", "one trained vector for each token", [
    initKey("how the vectors start"),
    key("padding", { kind: "int", min: 0 }, "a row that starts at zero and is never updated", {
      default: "none",
      optional: true,
      source: "PyTorch nn.Embedding: padding_idx",
    }),
    key("scale", positive, "multiplies the vectors; Gemma has sqrt(hidden_size)", {
      default: "none",
      example: "2",
      optional: true,
      source: "arXiv 1706.03762, section 3.4",
    }),
    key("norm", sum("Norm"), "a norm on the vectors, before the first block", {
      default: "none",
      optional: true,
      source: "arXiv 2211.05100, section 3.2.3",
    }),
  ]),
  ctor("Init", "normal", "normal distribution around zero", [
    key("std", { kind: "float", min: 0 }, "standard deviation", {
      default: "0.02",
      source: `${llama}: initializer_range`,
    }),
  ]),
  ctor(
    "Init",
    "fan_in",
    "uniform between ±1/√(inputs of the layer)",
    [],
    "PyTorch nn.Linear: kaiming_uniform with a = √5",
  ),
  ...(["xavier_normal", "xavier_uniform"] as const).map((name) =>
    ctor(
      "Init",
      name,
      name === "xavier_normal"
        ? "normal, of std gain · √(2 / (inputs + outputs))"
        : "uniform between ±gain · √(6 / (inputs + outputs))",
      [key("gain", positive, "multiplies the spread", { default: "1" })],
      `PyTorch nn.init.${name}_`,
    ),
  ),
  ctor("Head", "lm", "a logit for each token of the vocabulary", [
    key("tied", yesNo, "the embedding serves as its weight", {
      default: "false",
      source: `${llama}: tie_word_embeddings`,
    }),
    key("softcap", positive, "logits become cap · tanh(logit / cap)", {
      default: "none",
      example: "30",
      optional: true,
      source: "arXiv 2408.00118",
    }),
  ]),
];

export const modelConstructors: readonly Constructor[] = [
  ...normConstructors,
  ...attentionConstructors,
  ...feedForwardConstructors,
  ...ends,
];

export const modelKeys: readonly Key[] = [
  inputKey,
  key("vocab_size", counting, "tokens that the model knows", { example: "256" }),
  key("hidden_size", counting, "width of the residual stream", { example: "32" }),
  key("context", counting, "longest sequence, in tokens", { example: "64" }),
  initKey("how linear layers start"),
  key("embedding", sum("Embedding"), "how tokens enter the model", { default: "token()" }),
  key("final_norm", sum("Norm"), "the norm after the last block", {
    default: "rmsnorm()",
    optional: true,
    source: llama,
  }),
  key("head", sum("Head"), "what the last state is turned into", { default: "lm()" }),
];

export const blockKeys: readonly Key[] = [
  key("norm", sum("NormPlacement"), "where and how the block normalises"),
  key("attention", sum("Attention"), "the attention layer"),
  key("ffn", sum("Ffn"), "the feed-forward layer"),
  key("residual", sum("Residual"), "what of a sub-layer's result joins the stream", {
    default: "plain()",
  }),
  key("out_init", sum("Init"), "how o and down start, by which a sub-layer writes; none is init", {
    default: "none",
    optional: true,
    source: "GPT-2: normal(0.02 / sqrt(2 * L))",
  }),
  key("scaling", sum("Scaling"), "what is done to the residual stream", {
    default: "none",
    optional: true,
  }),
];
