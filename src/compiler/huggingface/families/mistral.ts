// Mistral: LLaMA with a window over the keys of every layer.
import { make, type Family } from "../family.ts";
import {
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  readWindows,
  swigluKeys,
  windowOf,
} from "./parts.ts";
import { rotaryKeys } from "./rotary.ts";
import { readRope } from "./rope.ts";

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
    ...rotaryKeys(model),
    ...swigluKeys(model),
    sliding_window: windowOf(model),
  }),
};
