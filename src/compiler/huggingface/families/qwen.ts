// Qwen 2 and 3: LLaMA with biases on q, k and v, or with norms on them; windows in the upper layers.
import type { DecoderSpec } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Family, type Keys } from "../family.ts";
import {
  at,
  firstBlock,
  layerTypes,
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  readSliding,
  readWindow,
  swigluKeys,
  unusualHeadDim,
  windowOf,
  windowsWhere,
} from "./parts.ts";
import { rotaryKeys } from "./rotary.ts";
import { readRope } from "./rope.ts";

/** None unless windows are switched on. */
export const readSwitchedWindow = (config: ConfigReader): number | undefined => {
  const on = config.flag("use_sliding_window", false);
  const window = readWindow(config, 4096);
  return on ? window : undefined;
};
/** From layer `max_window_layers` on. */
const readUpperWindows = (config: ConfigReader): ReturnType<typeof windowsWhere> => {
  const window = readSwitchedWindow(config);
  const full = config.whole("max_window_layers", 28);
  return windowsWhere(
    readSliding(config, (layer) => layer >= full),
    window,
  );
};
const upperWindowKeys = (model: DecoderSpec): Config => {
  const types = layerTypes(model);
  const first = types.findIndex((type) => type !== "full_attention");
  return {
    use_sliding_window: windowOf(model) !== null,
    sliding_window: windowOf(model),
    max_window_layers: first < 0 ? model.blocks.length : first,
    layer_types: types,
  };
};

const qwenDecoder = (
  config: ConfigReader,
  options: (config: ConfigReader) => Keys,
  width?: number,
): ReturnType<Family["read"]> => {
  const norm = readNorm(config);
  const windows = readUpperWindows(config);
  const shape = width === undefined ? {} : { width };
  const block = (layer: number): Keys => ({
    norm: make("pre", { norm }),
    attention: readAttention(
      config,
      { position: readRope(config), ...options(config), window: windows?.[layer] },
      shape,
    ),
    ffn: readSwiglu(config),
  });
  return readDecoder(config, { block, final_norm: norm });
};
const qwenKeys = (model: DecoderSpec): Config => ({
  ...rotaryKeys(model),
  ...swigluKeys(model),
  ...upperWindowKeys(model),
});

export const qwen2: Family = {
  name: "qwen2",
  architecture: "Qwen2ForCausalLM",
  source: "Qwen2, arXiv 2407.10671",
  read: (config) => qwenDecoder(config, () => ({ bias: true, out_bias: false })),
  write: (model) => ({ ...qwenKeys(model), head_dim: unusualHeadDim(model) }),
};

/** A norm on each head's queries and keys. */
export const readHeadNorm = (config: ConfigReader): Keys => ({
  qk_norm: make("per_head", { norm: readNorm(config) }),
  bias: config.flag("attention_bias", false) || undefined,
});
export const qwen3: Family = {
  name: "qwen3",
  architecture: "Qwen3ForCausalLM",
  source: "Qwen3, arXiv 2505.09388",
  read: (config) => qwenDecoder(config, readHeadNorm, 128),
  write: (model) => ({
    ...qwenKeys(model),
    attention_bias: at(firstBlock(model), "attention.bias"),
  }),
};
