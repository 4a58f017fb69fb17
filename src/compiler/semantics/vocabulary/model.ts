// The words of models: what a decoder of the LLaMA family is made of, with the defaults of the libraries people compare with.
import type { Constructor, Key, SumType } from "../schema.ts";
import { counting, key, positive, sum, yesNo } from "./kit.ts";

export const modelSums: readonly SumType[] = [
  { name: "NormPlacement", doc: "where a block normalises" },
  { name: "Norm", doc: "what normalising means" },
  { name: "Attention", doc: "how positions look at each other" },
  { name: "Position", doc: "how attention learns where a token stands" },
  { name: "Ffn", doc: "the feed-forward layer of a block" },
  { name: "Embedding", doc: "how tokens enter the model" },
  { name: "Init", doc: "how weights start" },
  { name: "Head", doc: "what the last state is turned into" },
  { name: "Scaling", doc: "what is done to the residual stream; features bring the variants" },
];

const llama = "Hugging Face LlamaConfig";
const init = (doc: string): Key =>
  key("init", sum("Init"), doc, { default: "normal(0.02)", source: `${llama}: initializer_range` });
const bias = (doc = "adds a bias to each of its linear layers"): Key =>
  key("bias", yesNo, doc, { default: "false", source: llama });

const shared: readonly Key[] = [
  key("head_dim", counting, "channels of one head; none is hidden_size / heads", {
    default: "none",
    optional: true,
    source: `${llama}: head_dim`,
  }),
  key("position", sum("Position"), "how positions enter", { default: "rope()", source: llama }),
  bias("adds a bias to q, k, v and o"),
];
const heads = key(
  "heads",
  counting,
  "query heads; they must divide hidden_size unless head_dim is given",
);
const intermediate = key("intermediate", counting, "width between the two linear maps");
const approximate = key(
  "approximate",
  {
    kind: "word",
    words: [
      { name: "none", doc: "x · Φ(x) by the error function" },
      { name: "tanh", doc: "the tanh formula, as in GPT-2" },
    ],
  },
  "how GELU is computed",
  { default: "none", source: "PyTorch nn.GELU" },
);

const ctor = (
  of: string,
  name: string,
  doc: string,
  keys: readonly Key[] = [],
  source?: string,
): Constructor => ({ name, of, doc, keys, ...(source !== undefined && { source }) });

export const modelConstructors: readonly Constructor[] = [
  ctor(
    "NormPlacement",
    "pre",
    "h + F(N(h)): the stream itself is never normalised",
    [key("norm", sum("Norm"), "the norm before each sub-layer", { default: "rmsnorm()" })],
    "arXiv 2002.04745",
  ),
  ctor(
    "NormPlacement",
    "post",
    "N(h + F(h)): as in the first Transformer",
    [key("norm", sum("Norm"), "the norm after each addition", { default: "rmsnorm()" })],
    "arXiv 1706.03762",
  ),
  ctor(
    "Norm",
    "rmsnorm",
    "x / sqrt(mean(x²) + eps) · weight",
    [
      key("eps", positive, "added to the mean square", {
        default: "1e-6",
        source: `${llama}: rms_norm_eps`,
      }),
    ],
    "arXiv 1910.07467",
  ),
  ctor(
    "Norm",
    "layernorm",
    "(x − mean) / sqrt(variance + eps) · weight + bias",
    [
      key("eps", positive, "added to the variance", {
        default: "1e-5",
        source: "PyTorch nn.LayerNorm",
      }),
      key("bias", yesNo, "whether a bias is added", {
        default: "true",
        source: "PyTorch nn.LayerNorm",
      }),
    ],
    "arXiv 1607.06450",
  ),
  ctor(
    "Attention",
    "mha",
    "multi-head attention: each head has its own keys and values",
    [heads, ...shared],
    "arXiv 1706.03762",
  ),
  ctor(
    "Attention",
    "gqa",
    "grouped-query attention: groups of heads share keys and values",
    [heads, key("kv", counting, "key-value heads; they must divide heads"), ...shared],
    "arXiv 2305.13245",
  ),
  ctor(
    "Attention",
    "mqa",
    "multi-query attention: all heads share one key and one value",
    [heads, ...shared],
    "arXiv 1911.02150",
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
    ],
    "arXiv 2104.09864",
  ),
  ctor("Position", "learned", "one trained vector for each position, added to the embedding", [
    init("how the vectors start"),
  ]),
  ctor("Position", "none", "no information about positions beyond the causal mask"),
  ctor("Ffn", "swiglu", "down(silu(gate x) ⊙ up x)", [intermediate, bias()], "arXiv 2002.05202"),
  ctor(
    "Ffn",
    "geglu",
    "down(gelu(gate x) ⊙ up x)",
    [intermediate, bias(), approximate],
    "arXiv 2002.05202",
  ),
  ctor("Ffn", "gelu", "down(gelu(up x))", [intermediate, bias(), approximate], "arXiv 1606.08415"),
  ctor("Ffn", "relu2", "down(relu(up x)²)", [intermediate, bias()], "arXiv 2109.08668"),
  ctor("Embedding", "token", "one trained vector for each token", [
    init("how the vectors start"),
    key("padding", { kind: "int", min: 0 }, "a row that starts at zero and is never updated", {
      default: "none",
      optional: true,
      source: "PyTorch nn.Embedding: padding_idx",
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
  ctor("Head", "lm", "a logit for each token of the vocabulary", [
    key("tied", yesNo, "the embedding serves as its weight", {
      default: "false",
      source: `${llama}: tie_word_embeddings`,
    }),
  ]),
];

export const modelKeys: readonly Key[] = [
  key("vocab_size", counting, "tokens that the model knows"),
  key("hidden_size", counting, "width of the residual stream"),
  key("context", counting, "longest sequence, in tokens"),
  init("how linear layers start"),
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
  key("scaling", sum("Scaling"), "what is done to the residual stream", {
    default: "none",
    optional: true,
  }),
];
