// Mistral: LLaMA with a window over the keys of every layer.
import { make, type Family } from "../family.ts";
import {
  attentionKeys,
  decoderKeys,
  normKeys,
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  readWindows,
  swigluKeys,
  windowOf,
} from "./parts.ts";
import { readRope, ropeKeys } from "./rope.ts";

export const mistral: Family = {
  name: "mistral",
  architecture: "MistralForCausalLM",
  source: "Mistral 7B, arXiv 2310.06825",
  read: (config) => {
    const norm = readNorm(config);
    const windows = readWindows(config, config.optional("sliding_window"), () => true);
    const block = (layer: number) => ({
      norm: make("pre", { norm }),
      attention: readAttention(config, {
        position: readRope(config),
        window: windows?.[layer],
      }),
      ffn: readSwiglu(config),
    });
    return readDecoder(config, { block, final_norm: norm });
  },
  write: (model) => ({
    ...decoderKeys(model),
    ...normKeys(model),
    ...attentionKeys(model),
    ...ropeKeys(model),
    ...swigluKeys(model),
    sliding_window: windowOf(model),
  }),
};
