// Configs of mixture families as .arch text, and golden tensors under the names that specc writes.
import { readdirSync } from "node:fs";
import { golden, readGolden, readJson, shiftLabels, type Tensors } from "./golden.ts";

/** config.json of the CoE authors' code; `checkpoint` files hold the same keys. */
export interface CoeConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly moe_intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly n_shared_experts: number | null;
  readonly n_routed_experts: number;
  readonly num_experts_per_tok: number;
  readonly routed_scaling_factor: number;
  readonly kv_lora_rank: number;
  readonly q_lora_rank: number | null;
  readonly qk_rope_head_dim: number;
  readonly v_head_dim: number;
  readonly qk_nope_head_dim: number;
  readonly topk_method: string;
  readonly n_group: number;
  readonly topk_group: number;
  readonly norm_topk_prob: boolean;
  readonly aux_loss_alpha: number;
  readonly seq_aux: boolean;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling: {
    readonly factor: number;
    readonly original_max_position_embeddings: number;
    readonly beta_fast: number;
    readonly beta_slow: number;
    readonly mscale: number;
    readonly mscale_all_dim: number;
  } | null;
  readonly attention_bias: boolean;
  readonly inner_iter: number;
  readonly outer_residual: boolean;
  readonly inner_residual: boolean;
  readonly use_igate: boolean;
}

const ropeOf = ({ rope_theta: theta, rope_scaling: s }: CoeConfig): string =>
  s === null
    ? `rope(theta: ${theta})`
    : `rope(theta: ${theta}, scaling: yarn(factor: ${s.factor}, original: ${s.original_max_position_embeddings}, beta_fast: ${s.beta_fast}, beta_slow: ${s.beta_slow}, mscale: ${s.mscale}, mscale_all_dim: ${s.mscale_all_dim}))`;

export const coeArch = (c: CoeConfig): string => {
  const { inner_residual: inner, outer_residual: outer } = c;
  const residual = inner ? (outer ? "both" : "inner") : outer ? "outer" : "none";
  // The authors' code renormalises only several picks, and scales only what it does not renormalise.
  const renormalise = c.norm_topk_prob && c.num_experts_per_tok > 1;
  const groups =
    c.topk_method === "greedy"
      ? ""
      : `, groups: groups(count: ${c.n_group}, keep: ${c.topk_group})`;
  const router = `softmax(renormalise: ${renormalise}, scale: ${renormalise ? 1 : c.routed_scaling_factor}${groups}, init: fan_in())`;
  return `model Golden {
  vocab_size  = ${c.vocab_size}
  hidden_size = ${c.hidden_size}
  context     = 64
  blocks ${c.num_hidden_layers} {
    norm      = pre(rmsnorm(eps: ${c.rms_norm_eps}))
    attention = mla(heads: ${c.num_attention_heads}, kv_rank: ${c.kv_lora_rank}, q_rank: ${c.q_lora_rank ?? "none"},
                    nope: ${c.qk_nope_head_dim}, rope: ${c.qk_rope_head_dim}, v: ${c.v_head_dim},
                    position: ${ropeOf(c)}, bias: ${c.attention_bias})
    ffn       = coe(experts: ${c.n_routed_experts}, top_k: ${c.num_experts_per_tok}, intermediate: ${c.moe_intermediate_size},
                    shared: ${c.n_shared_experts ?? 0}, iterations: ${c.inner_iter},
                    router: ${c.use_igate ? "per_iteration" : "one"}(${router}), residual: ${residual},
                    balance: ${c.seq_aux ? "sequence" : "batch"}(${c.aux_loss_alpha}))
  }
  final_norm = rmsnorm(eps: ${c.rms_norm_eps})
}
`;
};

/** Tensors under names that are changed by a pattern. */
export const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));

export const coeCases: readonly string[] = readdirSync(new URL("data/coe/", import.meta.url), {
  withFileTypes: true,
}).flatMap((e) => (e.isDirectory() && /^c\d/.test(e.name) ? [e.name] : []));

/** A case of the authors' code; weights that a case brings itself win over the shared ones. */
export const coeCase = <T extends object>(
  name: string,
): T & { readonly config: CoeConfig; readonly weights: Tensors; readonly expected: Tensors } => {
  const told = readJson(`coe/${name}/case.json`) as T & {
    readonly config: CoeConfig;
    readonly weights: readonly string[];
  };
  const files = told.weights.map((file) =>
    readGolden(file.startsWith("../") ? `coe/${file.slice(3)}` : `coe/${name}/${file}`),
  );
  const weights = files.reduce<Tensors>((all, more) => ({ ...all, ...more }), {});
  return { ...told, weights, expected: readGolden(`coe/${name}/golden.safetensors`) };
};

/** Padded as the authors' trainer pads, a pad predicts nothing. */
export const coeTargets = (expected: Tensors): Float64Array => {
  const mask = expected["attention_mask"]?.data;
  const labels = expected["labels"] ?? golden(expected, "input_ids");
  return shiftLabels(labels).map((id, i) => (mask?.[i] === 0 ? -100 : id));
};
