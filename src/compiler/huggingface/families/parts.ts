// What families have in common, each part in both directions: `read…` takes keys of config.json and gives keys of the
// language, `…Keys` goes back. A value that a part cannot express becomes undefined, and reading back then differs.
import { isVariant } from "../../semantics/spec-values.ts";
import type { BlockSpec, DecoderSpec, Value, Variant } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Draft, type Keys } from "../family.ts";

/** The value at a path below a variant, a block or a model: "attention.position.theta". */
export const at = (
  value: Value | Keys | DecoderSpec | BlockSpec | undefined,
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

export const firstBlock = (model: DecoderSpec): BlockSpec | undefined => model.blocks[0];
export const variantAt = (value: Parameters<typeof at>[0], path: string): Variant | undefined => {
  const found = at(value, path);
  return isVariant(found) ? found : undefined;
};
export const listAt = (value: Parameters<typeof at>[0], path: string): readonly Value[] => {
  const found: unknown = at(value, path);
  return Array.isArray(found) ? (found as readonly Value[]) : [];
};
const isOneOf = (variant: Variant | undefined, ...names: readonly string[]): boolean =>
  variant !== undefined && names.includes(variant.is);

/** A LLaMA-like decoder; `block` is asked for each layer, from 0. */
export const readDecoder = (
  config: ConfigReader,
  parts: {
    readonly block: (layer: number) => Keys;
    readonly final_norm: Value;
    /** Where the key is not called max_position_embeddings. */
    readonly context?: number;
    readonly embedding?: Keys;
    readonly head?: Keys;
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
      context: parts.context ?? config.whole("max_position_embeddings"),
      init,
      embedding: make("token", { init, padding, ...parts.embedding }),
      final_norm: parts.final_norm,
      head: make("lm", {
        tied: config.flag("tie_word_embeddings", parts.tied ?? false),
        ...parts.head,
      }),
    },
    blocks: Array.from({ length: config.layers("num_hidden_layers") }, (_, l) => parts.block(l)),
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

/** transformers takes none above 1. */
const startOf = (model: DecoderSpec): number | undefined => {
  const std = at(model, "init.std");
  return typeof std === "number" && std <= 1 ? std : undefined;
};
export const decoderKeys = (model: DecoderSpec): Config => ({
  vocab_size: model.vocab_size,
  hidden_size: model.hidden_size,
  max_position_embeddings: model.context,
  num_hidden_layers: model.blocks.length,
  initializer_range: startOf(model),
  tie_word_embeddings: at(model, "head.tied"),
  pad_token_id: at(model, "embedding.padding"),
});

export const readNorm = (config: ConfigReader, options: Keys = {}, eps = 1e-6): Variant =>
  make("rmsnorm", { eps: config.real("rms_norm_eps", eps), ...options });
export const normKeys = (model: DecoderSpec): Config => ({
  rms_norm_eps: at(firstBlock(model), "norm.norm.eps"),
});

/** transformers refuses such a config in some families, also where `head_dim` makes it a model. */
export const checkHeads = (config: ConfigReader): void => {
  const heads = config.whole("num_attention_heads");
  if (config.whole("hidden_size") % heads !== 0)
    throw config.fault(
      "hidden_size",
      `is no multiple of num_attention_heads (${heads}), as transformers wants it`,
    );
};

/** One key-value head for each query head, or one for a group of them. @param width of a head where config.json does not say */
export const readAttention = (
  config: ConfigReader,
  options: Keys,
  { width }: { readonly width?: number } = {},
): Variant => {
  const heads = config.whole("num_attention_heads");
  const kv = config.whole("num_key_value_heads", heads);
  const given = config.optional("head_dim") ?? width;
  const usual = given === undefined || given * heads === config.whole("hidden_size");
  const head_dim = usual ? undefined : given;
  return kv === heads
    ? make("mha", { heads, head_dim, ...options })
    : make("gqa", { heads, kv, head_dim, ...options });
};
const usualHeadDim = (model: DecoderSpec): number | undefined => {
  const heads = at(firstBlock(model), "attention.heads");
  return typeof heads === "number" ? model.hidden_size / heads : undefined;
};
const headDimOf = (model: DecoderSpec): Value | undefined =>
  at(firstBlock(model), "attention.head_dim") ?? usualHeadDim(model);
/** For families whose config.json has no such key, but whose code asks for one. */
export const unusualHeadDim = (model: DecoderSpec): Value | undefined => {
  const width = headDimOf(model);
  return width === usualHeadDim(model) ? undefined : width;
};
export const attentionKeys = (model: DecoderSpec): Config => {
  const attention = firstBlock(model)?.attention;
  if (!isOneOf(attention, "mha", "gqa", "mqa")) return {};
  const heads = at(attention, "heads");
  return {
    num_attention_heads: heads,
    num_key_value_heads: attention?.is === "mqa" ? 1 : (at(attention, "kv") ?? heads),
    head_dim: headDimOf(model),
  };
};

/** How many keys a layer with a window sees; null is all of them, and one that is as long as the context hides nothing. */
export const readWindow = (config: ConfigReader, usual?: number): number | undefined => {
  const window = config.given("sliding_window") ? config.optional("sliding_window") : usual;
  return window !== undefined && window < config.whole("max_position_embeddings")
    ? window
    : undefined;
};

const SLIDING = "sliding_attention";
const FULL = "full_attention";
/** Which layers have the window, from 0: `layer_types` says it, else `slides` does. */
export const readSliding = (
  config: ConfigReader,
  slides: (layer: number) => boolean,
): readonly boolean[] => {
  const layers = config.layers("num_hidden_layers");
  const given = config.texts("layer_types");
  if (given.length > 0 && given.length !== layers)
    throw config.fault("layer_types", `names ${given.length} layers of ${layers}`);
  return Array.from({ length: layers }, (_, l) => {
    const type = given[l] ?? (slides(l) ? SLIDING : FULL);
    if (type !== SLIDING && type !== FULL)
      throw config.fault("layer_types", `${JSON.stringify(type)} is not known`);
    return type === SLIDING;
  });
};
/** The window of each layer; undefined where none has one. */
export const windowsWhere = (
  sliding: readonly boolean[],
  window: number | undefined,
): readonly (number | null)[] | undefined =>
  window !== undefined && sliding.includes(true)
    ? sliding.map((slides) => (slides ? window : null))
    : undefined;

/** Where every layer has the window: transformers does not ask `layer_types` in such a family, so it must not say otherwise. */
export const windowOfAll = (
  config: ConfigReader,
  window: number | undefined,
): number | undefined => {
  const types = config.texts("layer_types");
  if (window !== undefined && types.some((type) => type !== SLIDING))
    throw config.fault("layer_types", "leaves layers out, but here sliding_window is of all");
  return window;
};
const windowsOf = (model: DecoderSpec): readonly (Value | undefined)[] =>
  model.blocks.map((block) => at(block, "attention.window"));
/** The first layer's window that there is; null for none. */
export const windowOf = (model: DecoderSpec): Value =>
  windowsOf(model).find((window) => typeof window === "number") ?? null;
export const layerTypes = (model: DecoderSpec): readonly string[] =>
  layerTypesBy(model, (block) => typeof at(block, "attention.window") === "number");
export const layerTypesBy = (
  model: DecoderSpec,
  slides: (block: BlockSpec) => boolean,
): readonly string[] => model.blocks.map((block) => (slides(block) ? SLIDING : FULL));

/** Gated by SiLU, whatever the width is called. */
export const readSwiglu = (config: ConfigReader, options: Keys = {}): Variant => {
  config.only("hidden_act", "silu");
  return make("swiglu", { intermediate: config.whole("intermediate_size"), ...options });
};
export const swigluKeys = (model: DecoderSpec): Config => ({
  intermediate_size: at(firstBlock(model), "ffn.intermediate"),
  hidden_act: isOneOf(firstBlock(model)?.ffn, "swiglu") ? "silu" : undefined,
});
