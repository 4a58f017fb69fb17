// Gemma 2 and 3: norms on both sides of each sub-layer with gains of 1 + weight, scaled embeddings, windows in turn with full
// attention; Gemma 2 caps its scores and logits, Gemma 3 normalises queries and keys.
import type { BlockSpec, DecoderSpec, Variant } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Draft, type Family, type Keys } from "../family.ts";
import {
  at,
  attentionKeys,
  checkHeads,
  decoderKeys,
  firstBlock,
  layerTypes,
  layerTypesBy,
  normKeys,
  readAttention,
  readDecoder,
  readNorm,
  readSliding,
  readWindow,
  variantAt,
  windowOf,
  windowsWhere,
} from "./parts.ts";
import { readRope, readRopeByLayer, ropeKeys, ropeParameters } from "./rope.ts";

const cap = (config: ConfigReader, key: string, usual: number | undefined): number | undefined => {
  if (config.has(key)) return config.real(key);
  return config.given(key) ? undefined : usual;
};
const norm = (config: ConfigReader): Variant => readNorm(config, { unit_offset: true });

const gemmaDecoder = (
  config: ConfigReader,
  given: {
    readonly slides: (layer: number) => boolean;
    readonly position: (sliding: boolean) => Variant;
    readonly options: Keys;
    readonly caps: { readonly scores?: number; readonly logits?: number };
  },
): Draft => {
  checkHeads(config);
  config.only("hidden_activation", "gelu_pytorch_tanh");
  config.only("use_bidirectional_attention", false);
  const sliding = readSliding(config, given.slides);
  const windows = windowsWhere(sliding, readWindow(config, 4096));
  const block = (layer: number): Keys => ({
    norm: make("sandwich", { norm: norm(config) }),
    attention: readAttention(
      config,
      {
        position: given.position(sliding[layer] === true),
        bias: config.flag("attention_bias", false) || undefined,
        scale: 1 / Math.sqrt(config.whole("query_pre_attn_scalar", 256)),
        softcap: cap(config, "attn_logit_softcapping", given.caps.scores),
        ...given.options,
        window: windows?.[layer],
      },
      { width: 256 },
    ),
    ffn: make("geglu", { intermediate: config.whole("intermediate_size"), approximate: "tanh" }),
  });
  return readDecoder(config, {
    block,
    final_norm: norm(config),
    tied: true,
    embedding: { scale: Math.sqrt(config.whole("hidden_size")) },
    head: { softcap: cap(config, "final_logit_softcapping", given.caps.logits) },
  });
};

const gemmaKeys = (model: DecoderSpec): Config => {
  const attention = firstBlock(model)?.attention;
  const scale = at(attention, "scale");
  return {
    ...decoderKeys(model),
    ...normKeys(model),
    ...attentionKeys(model),
    intermediate_size: at(firstBlock(model), "ffn.intermediate"),
    hidden_activation: "gelu_pytorch_tanh",
    attention_bias: at(attention, "bias"),
    query_pre_attn_scalar: typeof scale === "number" ? nearWhole(1 / (scale * scale)) : undefined,
    attn_logit_softcapping: at(attention, "softcap"),
    final_logit_softcapping: at(model, "head.softcap"),
    sliding_window: windowOf(model) ?? model.context,
    layer_types: layerTypes(model),
  };
};
/** Undoes the rounding of 1 / √n. */
const nearWhole = (x: number): number => (Math.abs(x - Math.round(x)) < 1e-6 ? Math.round(x) : x);

export const gemma2: Family = {
  name: "gemma2",
  architecture: "Gemma2ForCausalLM",
  source: "Gemma 2, arXiv 2408.00118",
  read: (config) =>
    gemmaDecoder(config, {
      slides: (layer) => layer % 2 === 0,
      position: () => readRope(config),
      options: {},
      caps: { scores: 50, logits: 30 },
    }),
  write: (model) => ({ ...gemmaKeys(model), ...ropeKeys(model) }),
};

export const gemma3: Family = {
  name: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  source: "Gemma 3, arXiv 2503.19786",
  read: (config) => {
    if (config.has("attn_logit_softcapping"))
      throw config.fault(
        "attn_logit_softcapping",
        "is of no effect in transformers' code of this family",
      );
    const every = config.whole(
      "sliding_window_pattern",
      config.whole("_sliding_window_pattern", 6),
    );
    const rope = readRopeByLayer(config, { full: 1_000_000, sliding: 10_000 });
    return gemmaDecoder(config, {
      slides: (layer) => (layer + 1) % every !== 0,
      position: (sliding) => (sliding ? rope.sliding : rope.full),
      options: { qk_norm: make("per_head", { norm: norm(config) }) },
      caps: {},
    });
  },
  write: (model) => {
    const positionOf = (block: BlockSpec | undefined): Config | undefined =>
      ropeParameters(variantAt(block, "attention.position"));
    // Without a window that hides anything the kinds of layers differ by their positions alone.
    const first = JSON.stringify(positionOf(model.blocks[0]));
    const two = model.blocks.some((block) => JSON.stringify(positionOf(block)) !== first);
    const slides = (block: BlockSpec): boolean =>
      windowOf(model) === null
        ? two && JSON.stringify(positionOf(block)) === first
        : typeof at(block, "attention.window") === "number";
    const positionsOf = (sliding: boolean): Config =>
      positionOf(model.blocks.find((block) => slides(block) === sliding)) ?? {
        rope_type: "default",
      };
    return {
      ...gemmaKeys(model),
      attn_logit_softcapping: null,
      layer_types: layerTypesBy(model, slides),
      rope_parameters: { full_attention: positionsOf(false), sliding_attention: positionsOf(true) },
    };
  },
};
