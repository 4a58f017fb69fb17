// config.json as Hugging Face reads it. A model claims to be a LLaMA only when every choice in it is LLaMA's own; any other
// declares the type "specc", so that no loader builds something else under the same weights.
import { isVariant, number, optionalNumber } from "../model/config.ts";
import type { BlockSpec, ModelSpec, Value, Variant } from "../semantics/spec.ts";

const child = (value: Value | undefined, key: string): Variant | null => {
  const found = isVariant(value) ? value[key] : undefined;
  return isVariant(found) ? found : null;
};
const off = (value: unknown): boolean => value === undefined || value === null || value === false;

/** Keys that LLaMA's modules have a place for; anything else that is switched on makes the model not a LLaMA. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  model: [
    ...["name", "doc", "vocab_size", "hidden_size", "context", "init", "embedding", "blocks"],
    ...["final_norm", "head"],
  ],
  block: ["layer", "norm", "attention", "ffn"],
  attention: ["is", "heads", "kv", "head_dim", "position"],
  ffn: ["is", "intermediate"],
  position: ["is", "theta"],
  norm: ["is", "eps"],
  embedding: ["is", "init", "padding"],
  head: ["is", "tied"],
};
const plain = (place: string, value: object): boolean =>
  Object.entries(value).every(([key, v]) => KNOWN[place]?.includes(key) === true || off(v));

const headsOf = (attention: Variant): number => number(attention, "heads");
export const kvHeadsOf = (attention: Variant): number => {
  if (attention.is === "mqa") return 1;
  return optionalNumber(attention, "kv") ?? headsOf(attention);
};

interface LlamaBlock {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number | null;
  readonly intermediate: number;
  readonly eps: number;
  readonly theta: number;
}
const llamaBlock = (block: BlockSpec): LlamaBlock | undefined => {
  const { norm, attention, ffn } = block;
  const inner = child(norm, "norm");
  const position = child(attention, "position");
  if (
    norm.is !== "pre" ||
    inner?.is !== "rmsnorm" ||
    position?.is !== "rope" ||
    ffn.is !== "swiglu"
  )
    return undefined;
  if (!["mha", "gqa", "mqa"].includes(attention.is)) return undefined;
  if (
    !plain("block", block) ||
    !plain("norm", inner) ||
    !plain("attention", attention) ||
    !plain("ffn", ffn) ||
    !plain("position", position)
  )
    return undefined;
  return {
    heads: headsOf(attention),
    kvHeads: kvHeadsOf(attention),
    headDim: optionalNumber(attention, "head_dim"),
    intermediate: number(ffn, "intermediate"),
    eps: number(inner, "eps"),
    theta: number(position, "theta"),
  };
};

/** The one description of all blocks, when the model is a LLaMA. */
const asLlama = (model: ModelSpec): LlamaBlock | undefined => {
  const blocks = model.blocks.map(llamaBlock);
  const first = blocks[0];
  const { final_norm: norm, head } = model;
  if (
    first === undefined ||
    !plain("model", model) ||
    norm?.is !== "rmsnorm" ||
    number(norm, "eps") !== first.eps ||
    head.is !== "lm" ||
    !plain("norm", norm) ||
    !plain("embedding", model.embedding) ||
    !plain("head", head)
  )
    return undefined;
  return blocks.every((block) => JSON.stringify(block) === JSON.stringify(first))
    ? first
    : undefined;
};

export const configOf = (model: ModelSpec): Readonly<Record<string, unknown>> => {
  const llama = asLlama(model);
  const first = model.blocks[0];
  const common = {
    vocab_size: model.vocab_size,
    hidden_size: model.hidden_size,
    max_position_embeddings: model.context,
    num_hidden_layers: model.blocks.length,
    initializer_range: optionalNumber(model.init, "std") ?? 0.02,
    tie_word_embeddings: model.head["tied"] === true,
    pad_token_id: optionalNumber(model.embedding, "padding"),
    dtype: "float32",
    use_cache: true,
  };
  if (llama === undefined)
    return {
      architectures: [`Specc${model.name}`],
      model_type: "specc",
      ...common,
      ...(first && {
        num_attention_heads: headsOf(first.attention),
        num_key_value_heads: kvHeadsOf(first.attention),
      }),
      specc: {
        embedding: model.embedding,
        blocks: model.blocks,
        final_norm: model.final_norm,
        head: model.head,
        ...Object.fromEntries(
          Object.entries(model).filter(([key]) => KNOWN["model"]?.includes(key) !== true),
        ),
      },
    };
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    ...common,
    intermediate_size: llama.intermediate,
    num_attention_heads: llama.heads,
    num_key_value_heads: llama.kvHeads,
    head_dim: llama.headDim ?? model.hidden_size / llama.heads,
    hidden_act: "silu",
    rms_norm_eps: llama.eps,
    rope_parameters: { rope_type: "default", rope_theta: llama.theta },
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: null,
    eos_token_id: null,
  };
};
