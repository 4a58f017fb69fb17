// LLaMA: what most families are variations of.
import { make, type Family } from "../family.ts";
import {
  at,
  checkHeads,
  firstBlock,
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  swigluKeys,
} from "./parts.ts";
import { rotaryKeys } from "./rotary.ts";
import { readRope } from "./rope.ts";

export const llama: Family = {
  name: "llama",
  architecture: "LlamaForCausalLM",
  source: "LLaMA, arXiv 2302.13971",
  read: (config) => {
    checkHeads(config);
    const norm = readNorm(config);
    const block = {
      norm: make("pre", { norm }),
      attention: readAttention(config, {
        position: readRope(config),
        bias: config.flag("attention_bias", false) || undefined,
      }),
      ffn: readSwiglu(config, { bias: config.flag("mlp_bias", false) || undefined }),
    };
    return readDecoder(config, { block: () => block, final_norm: norm });
  },
  write: (model) => ({
    ...rotaryKeys(model),
    ...swigluKeys(model),
    attention_bias: at(firstBlock(model), "attention.bias"),
    mlp_bias: at(firstBlock(model), "ffn.bias"),
  }),
};
