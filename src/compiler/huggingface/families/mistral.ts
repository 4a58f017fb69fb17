// Mistral: LLaMA with a window over the keys of every layer.
import { make, type Family } from "../family.ts";
import {
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  readWindow,
  swigluKeys,
  windowOf,
  windowOfAll,
} from "./parts.ts";
import { rotaryKeys } from "./rotary.ts";
import { readRope } from "./rope.ts";

export const mistral: Family = {
  name: "mistral",
  architecture: "MistralForCausalLM",
  source: "Mistral 7B, arXiv 2310.06825",
  read: (config) => {
    const norm = readNorm(config);
    const window = windowOfAll(config, readWindow(config, 4096));
    const block = {
      norm: make("pre", { norm }),
      attention: readAttention(config, { position: readRope(config), window }),
      ffn: readSwiglu(config),
    };
    return readDecoder(config, { block: () => block, final_norm: norm });
  },
  write: (model) => ({
    ...rotaryKeys(model),
    ...swigluKeys(model),
    sliding_window: windowOf(model),
  }),
};
