// Mixtures and latent attention against Hugging Face (transformers 5.23): logits, states, loss; of Mixtral also the router's
// term and all gradients.
import { describe, expect, it } from "vitest";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  shiftLabels,
  stateFrom,
} from "./golden.ts";
import { renamed } from "./mixtures.ts";
import { modelFrom, passOf } from "./models.ts";

const model = (blocks: string, eps: string): string => `model Golden {
  vocab_size  = 96
  hidden_size = 32
  context     = 64
  ${blocks.replaceAll("EPS", `rmsnorm(eps: ${eps})`)}
  final_norm = rmsnorm(eps: ${eps})
}`;
const mla = (rest: string): string => `mla(heads: 4, kv_rank: 16, nope: 8, rope: 4, v: 8${rest})`;
const yarn =
  "yarn(4, original: 16, beta_fast: 4, beta_slow: 1, mscale: 0.707, mscale_all_dim: 0.707)";

const cases: Readonly<Record<string, string>> = {
  mixtral: model(
    `blocks 2 {
      norm = pre(EPS)
      attention = gqa(4, kv: 2, position: rope(1e6))
      ffn = moe(4, top_k: 2, intermediate: 20, router: softmax(renormalise: true), balance: model(2 * 0.001))
    }`,
    "1e-5",
  ),
  qwen3_moe: model(
    `blocks 2 {
      norm = pre(EPS)
      attention = gqa(4, kv: 2, head_dim: 8, qk_norm: per_head(EPS))
      ffn = moe(6, top_k: 2, intermediate: 16, router: softmax(renormalise: true))
    }`,
    "1e-6",
  ),
  olmoe: model(
    `blocks 2 {
      norm = pre(EPS)
      attention = mha(4, qk_norm: joint(EPS))
      ffn = moe(6, top_k: 2, intermediate: 16)
    }`,
    "1e-5",
  ),
  deepseek_v2: model(
    `blocks 2 {
      norm = pre(EPS)
      attention = ${mla("")}
      ffn = if l == 1 then swiglu(48) else moe(8, top_k: 2, intermediate: 12, shared: 1)
    }`,
    "1e-6",
  ),
  "deepseek_v2-qlora-group": model(
    `blocks 2 {
      norm = pre(EPS)
      attention = ${mla(`, q_rank: 12, position: rope(500, scaling: ${yarn})`)}
      ffn = if l == 1 then swiglu(48) else moe(8, top_k: 2, intermediate: 12, shared: 1,
        router: softmax(scale: 2.5, groups: groups(4, keep: 2)))
    }`,
    "1e-6",
  ),
  deepseek_v3: model(
    `blocks 2 {
      norm = pre(EPS)
      attention = ${mla(", q_rank: 12")}
      ffn = if l == 1 then swiglu(48) else moe(8, top_k: 2, intermediate: 12, shared: 1, balance: bias(0.001),
        router: sigmoid(renormalise: true, scale: 2.5, groups: groups(4, keep: 2, rank: best_two)))
    }`,
    "1e-6",
  ),
};

/** Mixtral writes its experts under names of its own. */
const ours = (name: string): string =>
  name
    .replace("block_sparse_moe", "mlp")
    .replace(/\.w1\./, ".gate_proj.")
    .replace(/\.w2\./, ".down_proj.")
    .replace(/\.w3\./, ".up_proj.");

describe.each(Object.entries(cases))("%s", (name, text) => {
  const weights = renamed(readGolden(`hf/${name}/model.safetensors`), ours);
  const expected = renamed(readGolden(`hf/${name}/golden.safetensors`), ours);
  const ids = golden(expected, "input_ids");
  const { parameters, run } = passOf(modelFrom(text), 2, 12);
  const state = stateFrom(parameters, weights);
  const found = run({ ids: ids.data, targets: shiftLabels(ids), state });

  it("computes the same logits, states and loss", () => {
    expect(maxDifference(found["logits"]!, golden(expected, "logits").data)).toBeLessThan(5e-5);
    expect(maxDifference(found["hidden.1"]!, golden(expected, "hidden.1").data)).toBeLessThan(5e-5);
    const loss = golden(expected, "loss").data[0]!;
    expect(Math.abs(found["objective"]![0]! - loss)).toBeLessThan(5e-6);
  });
  if (name !== "mixtral") return;
  it("adds the router's term over all layers and computes the same gradients", () => {
    const aux = golden(expected, "aux_loss").data[0]!;
    expect(Math.abs(found["objective"]![0]! - found["loss"]![0]! - 0.001 * aux)).toBeLessThan(1e-7);
    for (const p of parameters) {
      const grad = held(expected, p, "grad.");
      expect(maxDifference(found[`grad.${p.name}`]!, grad), p.name).toBeLessThan(
        1e-4 * maxAbs(grad),
      );
    }
  });
});
