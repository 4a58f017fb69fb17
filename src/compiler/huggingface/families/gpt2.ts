// GPT-2: learned positions, LayerNorm with biases, biased linear layers, GELU by its tanh formula. Its checkpoint joins q, k and
// v, and holds products as [in, out].
import { make, type Family } from "../family.ts";
import { join, transpose } from "../layout.ts";
import { at, firstBlock } from "./parts.ts";

const ACTIVATIONS: Readonly<Record<string, "tanh" | "none">> = {
  gelu_new: "tanh",
  gelu_pytorch_tanh: "tanh",
  gelu: "none",
};
const LAYER = "model.layers.{l}";
const parts = (part: "weight" | "bias"): readonly string[] =>
  ["q", "k", "v"].map((name) => `${LAYER}.self_attn.${name}_proj.${part}`);

export const gpt2: Family = {
  name: "gpt2",
  architecture: "GPT2LMHeadModel",
  source: "GPT-2, Language Models are Unsupervised Multitask Learners",
  read: (config) => {
    for (const key of ["scale_attn_by_inverse_layer_idx", "add_cross_attention"])
      config.only(key, false);
    config.only("scale_attn_weights", true);
    const std = config.real("initializer_range", 0.02);
    const init = std === 0.02 ? undefined : make("normal", { std });
    const norm = make("layernorm", { eps: config.real("layer_norm_epsilon", 1e-5) });
    const width = config.whole("n_embd");
    const activation = config.text("activation_function", "gelu_new");
    const approximate = ACTIVATIONS[activation];
    if (approximate === undefined)
      throw config.fault("activation_function", `${JSON.stringify(activation)} is not known`);
    const block = {
      norm: make("pre", { norm }),
      attention: make("mha", {
        heads: config.whole("n_head"),
        position: make("learned", { init }),
        bias: true,
      }),
      ffn: make("gelu", {
        intermediate: config.optional("n_inner") ?? 4 * width,
        bias: true,
        approximate,
      }),
    };
    return {
      model: {
        vocab_size: config.whole("vocab_size"),
        hidden_size: width,
        context: config.whole("n_positions"),
        init,
        embedding: make("token", { init }),
        final_norm: norm,
        head: make("lm", { tied: config.flag("tie_word_embeddings", true) }),
      },
      blocks: Array.from({ length: config.layers("n_layer") }, () => block),
    };
  },
  write: (model) => {
    const block = firstBlock(model);
    const inner = at(block, "ffn.intermediate");
    return {
      vocab_size: model.vocab_size,
      n_embd: model.hidden_size,
      n_positions: model.context,
      n_layer: model.blocks.length,
      n_head: at(block, "attention.heads"),
      n_inner: inner === 4 * model.hidden_size ? null : inner,
      activation_function: at(block, "ffn.approximate") === "none" ? "gelu" : "gelu_new",
      layer_norm_epsilon: at(block, "norm.norm.eps"),
      initializer_range: at(model, "init.std"),
      tie_word_embeddings: at(model, "head.tied"),
    };
  },
  prefix: "transformer.",
  tensors: [
    { theirs: "transformer.wte.weight", made: "model.embed_tokens.weight" },
    { theirs: "transformer.wpe.weight", made: "model.embed_positions.weight" },
    { theirs: "transformer.h.{l}.ln_1.*", made: `${LAYER}.input_layernorm.*` },
    {
      theirs: "transformer.h.{l}.attn.c_attn.weight",
      made: transpose(join(0, ...parts("weight"))),
    },
    { theirs: "transformer.h.{l}.attn.c_attn.bias", made: join(0, ...parts("bias")) },
    {
      theirs: "transformer.h.{l}.attn.c_proj.weight",
      made: transpose(`${LAYER}.self_attn.o_proj.weight`),
    },
    { theirs: "transformer.h.{l}.attn.c_proj.bias", made: `${LAYER}.self_attn.o_proj.bias` },
    { theirs: "transformer.h.{l}.ln_2.*", made: `${LAYER}.post_attention_layernorm.*` },
    {
      theirs: "transformer.h.{l}.mlp.c_fc.weight",
      made: transpose(`${LAYER}.mlp.up_proj.weight`),
    },
    { theirs: "transformer.h.{l}.mlp.c_fc.bias", made: `${LAYER}.mlp.up_proj.bias` },
    {
      theirs: "transformer.h.{l}.mlp.c_proj.weight",
      made: transpose(`${LAYER}.mlp.down_proj.weight`),
    },
    { theirs: "transformer.h.{l}.mlp.c_proj.bias", made: `${LAYER}.mlp.down_proj.bias` },
    { theirs: "transformer.ln_f.*", made: "model.norm.*" },
  ],
  empty: [{ name: /^transformer\.h\.\d+\.attn\.(masked_)?bias$/, why: "the causal mask" }],
};
