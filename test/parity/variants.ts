// Small models that together hold every variant of every part: what must hold for all models is tested on these.
import type { BlockSpec, ModelSpec, Variant } from "../../src/compiler/semantics/spec.ts";
import { gpasVariant, llamaSpec } from "./models.ts";

const sizes = {
  vocab: 7,
  hidden: 8,
  layers: 2,
  heads: 4,
  kv: 4,
  ffn: 12,
  eps: 1e-6,
  padding: null,
  tied: false,
};
const base = llamaSpec(sizes);
const withBlocks = (change: (block: BlockSpec) => Partial<BlockSpec>): ModelSpec => ({
  ...base,
  blocks: base.blocks.map((block) => ({ ...block, ...change(block) }) as BlockSpec),
});
const attention = (
  changes: Readonly<Record<string, Variant | boolean | number | string>>,
): ModelSpec => withBlocks((block) => ({ attention: { ...block.attention, ...changes } }));
const ffn = (value: Variant): ModelSpec =>
  withBlocks(() => ({ ffn: { intermediate: 12, bias: false, ...value } }));
const normal = { is: "normal", std: 0.02 };
const layernorm = { is: "layernorm", eps: 1e-5, bias: true };

/** Of every part each variant, as a whole model of two layers over seven tokens. */
export const variants: Readonly<Record<string, ModelSpec>> = {
  llama: base,
  "post-norm": withBlocks(() => ({ norm: { is: "post", norm: { is: "rmsnorm", eps: 1e-6 } } })),
  "layernorm, final norm off": {
    ...withBlocks(() => ({ norm: { is: "pre", norm: layernorm } })),
    final_norm: null,
  },
  "layernorm without bias": withBlocks(() => ({
    norm: { is: "pre", norm: { ...layernorm, bias: false } },
  })),
  gqa: attention({ is: "gqa", kv: 2 }),
  mqa: attention({ is: "mqa" }),
  "head_dim apart from hidden_size": attention({ head_dim: 4 }),
  "attention biases": attention({ bias: true }),
  "learned positions": attention({ position: { is: "learned", init: normal } }),
  "no positions": attention({ position: { is: "none" } }),
  geglu: ffn({ is: "geglu", approximate: "none" }),
  "gelu by tanh, biased": ffn({ is: "gelu", approximate: "tanh", bias: true }),
  relu2: ffn({ is: "relu2" }),
  "tied head": { ...base, head: { is: "lm", tied: true } },
  "a trunk and three heads": {
    ...base,
    trails: {
      is: "split", heads: 3, blocks_in_head: 1, combine: "mean_probabilities", loss: "mean", final_norm: "twice",
    },
  }, // prettier-ignore
  "an ensemble of tied models": {
    ...base,
    head: { is: "lm", tied: true },
    trails: { is: "ensemble", members: 2, combine: "mean_logits", loss: "mean" },
  },
  "gpas without the stop": withBlocks(() => ({
    scaling: gpasVariant({ stop_gradient: false, init: 0.4 }),
  })),
};
