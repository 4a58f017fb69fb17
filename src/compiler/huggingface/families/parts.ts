// What families have in common, each part in both directions: `read…` takes keys of config.json and gives keys of the
// language, `…Keys` goes back. A value that a part cannot express becomes undefined, and reading back then differs.
import { isVariant } from "../../model/config.ts";
import type { BlockSpec, ModelSpec, Value, Variant } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Draft, type Keys } from "../family.ts";

/** The value at a path below a variant, a block or a model: "attention.position.theta". */
export const at = (
  value: Value | Keys | ModelSpec | BlockSpec | undefined,
  path: string,
): Value | undefined =>
  path
    .split(".")
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === "object" && inner !== null && key in inner
          ? (inner as Readonly<Record<string, unknown>>)[key]
          : undefined,
      value,
    ) as Value | undefined;

export const firstBlock = (model: ModelSpec): BlockSpec | undefined => model.blocks[0];
export const variantAt = (value: Parameters<typeof at>[0], path: string): Variant | undefined => {
  const found = at(value, path);
  return isVariant(found) ? found : undefined;
};
const isOneOf = (variant: Variant | undefined, ...names: readonly string[]): boolean =>
  variant !== undefined && names.includes(variant.is);

/** A LLaMA-like decoder; `block` is asked for each layer, from 0. */
export const readDecoder = (
  config: ConfigReader,
  parts: {
    readonly block: (layer: number) => Keys;
    readonly final_norm: Value;
    readonly model?: Keys;
    /** Whether the head is tied where config.json does not say. */
    readonly tied?: boolean;
  },
): Draft => {
  const std = config.real("initializer_range", 0.02);
  const init = std === 0.02 ? undefined : make("normal", { std });
  const padding = readPadding(config);
  return {
    model: {
      vocab_size: config.whole("vocab_size"),
      hidden_size: config.whole("hidden_size"),
      context: config.whole("max_position_embeddings"),
      init,
      embedding: make("token", { init, padding }),
      final_norm: parts.final_norm,
      head: make("lm", { tied: config.flag("tie_word_embeddings", parts.tied ?? false) }),
      ...parts.model,
    },
    blocks: Array.from({ length: config.whole("num_hidden_layers") }, (_, l) => parts.block(l)),
  };
};

/** torch's padding_idx: negative counts from the end. */
const readPadding = (config: ConfigReader): number | undefined => {
  if (!config.has("pad_token_id")) return undefined;
  const id = config.real("pad_token_id");
  const vocab = config.whole("vocab_size");
  const row = id < 0 ? vocab + id : id;
  if (Number.isInteger(row) && row >= 0 && row < vocab) return row;
  throw config.fault("pad_token_id", `is ${id}, outside of the vocabulary of ${vocab}`);
};

export const decoderKeys = (model: ModelSpec): Config => ({
  vocab_size: model.vocab_size,
  hidden_size: model.hidden_size,
  max_position_embeddings: model.context,
  num_hidden_layers: model.blocks.length,
  initializer_range: at(model, "init.std"),
  tie_word_embeddings: at(model, "head.tied"),
  pad_token_id: at(model, "embedding.padding"),
});

export const readNorm = (config: ConfigReader): Variant =>
  make("rmsnorm", { eps: config.real("rms_norm_eps", 1e-6) });
export const normKeys = (model: ModelSpec): Config => ({
  rms_norm_eps: at(firstBlock(model), "norm.norm.eps"),
});

/** One head a key, or one for a group of them. */
export const readAttention = (config: ConfigReader, options: Keys): Value => {
  const heads = config.whole("num_attention_heads");
  const kv = config.whole("num_key_value_heads", heads);
  const width = config.optional("head_dim");
  const usual = width === undefined || width * heads === config.whole("hidden_size");
  const head_dim = usual ? undefined : width;
  return kv === heads
    ? make("mha", { heads, head_dim, ...options })
    : make("gqa", { heads, kv, head_dim, ...options });
};
export const headsOf = (attention: Variant | undefined): Value | undefined =>
  at(attention, "heads");
export const kvHeadsOf = (attention: Variant | undefined): Value | undefined => {
  if (attention === undefined) return undefined;
  if (attention.is === "mqa") return 1;
  return attention["kv"] ?? attention["heads"];
};
export const headDimOf = (model: ModelSpec): number | undefined => {
  const attention = firstBlock(model)?.attention;
  const [given, heads] = [at(attention, "head_dim"), headsOf(attention)];
  if (typeof given === "number") return given;
  return typeof heads === "number" ? model.hidden_size / heads : undefined;
};
export const attentionKeys = (model: ModelSpec): Config => {
  const attention = firstBlock(model)?.attention;
  if (!isOneOf(attention, "mha", "gqa", "mqa")) return {};
  return {
    num_attention_heads: headsOf(attention),
    num_key_value_heads: kvHeadsOf(attention),
    head_dim: headDimOf(model),
  };
};

/** Gated by SiLU, whatever the width is called. */
export const readSwiglu = (config: ConfigReader, options: Keys = {}): Value => {
  config.only("hidden_act", "silu");
  return make("swiglu", { intermediate: config.whole("intermediate_size"), ...options });
};
export const swigluKeys = (model: ModelSpec): Config => ({
  intermediate_size: at(firstBlock(model), "ffn.intermediate"),
  hidden_act: isOneOf(firstBlock(model)?.ffn, "swiglu") ? "silu" : undefined,
});
