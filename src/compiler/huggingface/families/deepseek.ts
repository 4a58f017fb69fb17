// DeepSeek V2 and V3: latent attention, dense first layers, then mixtures with shared experts.
import type { DecoderSpec, Value, Variant } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Draft, type Family, type Keys } from "../family.ts";
import { mixtureOf } from "./experts.ts";
import {
  at,
  checkHeads,
  decoderKeys,
  firstBlock,
  normKeys,
  readDecoder,
  readNorm,
  readSwiglu,
} from "./parts.ts";
import { readRope, ropeKeys } from "./rope.ts";

/** The softmax scale comes from `mscale_all_dim` too, which the language has together with `mscale` alone. */
const checkScales = (config: ConfigReader, position: Variant): void => {
  const [rope] = ["rope_parameters", "rope_scaling"].filter((key) => config.has(key));
  if (rope === undefined || at(position, "scaling.mscale") !== undefined) return;
  for (const key of ["mscale", "mscale_all_dim"]) {
    const inside = config.inner(rope);
    if (inside.has(key) && inside.real(key) !== 0)
      throw inside.fault(key, "counts here only beside the other mscale, without attention_factor");
  }
};

/** The norms of its latents keep their eps of 1e-6 whatever config.json says. */
export const readLatent = (config: ConfigReader): Variant => {
  // Derived, and written all the same.
  for (const key of ["head_dim", "qk_head_dim", "num_key_value_heads"]) config.given(key);
  const position = readRope(config);
  checkScales(config, position);
  return make("mla", {
    heads: config.whole("num_attention_heads"),
    kv_rank: config.whole("kv_lora_rank"),
    q_rank: config.optional("q_lora_rank"),
    nope: config.whole("qk_nope_head_dim"),
    rope: config.whole("qk_rope_head_dim"),
    v: config.whole("v_head_dim"),
    position,
    bias: config.flag("attention_bias", false) || undefined,
  });
};
export const latentKeys = (model: DecoderSpec): Config => {
  const attention = firstBlock(model)?.attention;
  const [nope, rope] = [at(attention, "nope"), at(attention, "rope")];
  return {
    num_attention_heads: at(attention, "heads"),
    num_key_value_heads: at(attention, "heads"),
    kv_lora_rank: at(attention, "kv_rank"),
    q_lora_rank: at(attention, "q_rank"),
    qk_nope_head_dim: nope,
    qk_rope_head_dim: rope,
    qk_head_dim: typeof nope === "number" && typeof rope === "number" ? nope + rope : undefined,
    head_dim: rope,
    v_head_dim: at(attention, "v"),
    attention_bias: at(attention, "bias"),
  };
};

/** Groups of experts, where there is more than one. */
export const readGroups = (
  config: ConfigReader,
  rank: "best" | "best_two",
  usual?: { readonly count: number; readonly keep: number },
): Value | undefined => {
  const count = config.given("n_group") ? config.whole("n_group", 1) : (usual?.count ?? 1);
  return count === 1
    ? undefined
    : make("groups", {
        count,
        keep: config.whole("topk_group", usual?.keep),
        rank: rank === "best" ? undefined : rank,
      });
};
export const groupKeys = (groups: Value | undefined): Config => ({
  n_group: at(groups, "count") ?? 1,
  topk_group: at(groups, "keep") ?? 1,
});

const deepseekDecoder = (
  config: ConfigReader,
  /** Shared experts where config.json does not say. */
  usual: number,
  router: Value,
  options: Keys,
): Draft => {
  config.only("moe_layer_freq", 1);
  config.only("mlp_bias", false);
  const norm = readNorm(config);
  const dense = config.whole("first_k_dense_replace", 0);
  config.only("hidden_act", "silu");
  const given = config.given("n_shared_experts");
  const shared = given ? config.optional("n_shared_experts") : usual;
  const mixture = (): Variant =>
    make("moe", {
      experts: config.whole("n_routed_experts"),
      top_k: config.whole("num_experts_per_tok"),
      intermediate: config.whole("moe_intermediate_size"),
      shared: shared === 0 ? undefined : shared,
      router,
      ...options,
    });
  // Of dense layers; a model without any keeps it in config.json.
  config.given("intermediate_size");
  const block = (layer: number): Keys => ({
    norm: make("pre", { norm }),
    attention: readLatent(config),
    ffn: layer < dense ? readSwiglu(config) : mixture(),
  });
  return readDecoder(config, { block, final_norm: norm });
};
const deepseekKeys = (model: DecoderSpec): Config => {
  const mixture = mixtureOf(model);
  const dense = model.blocks.findIndex(({ ffn }) => ffn.is === "moe");
  return {
    ...decoderKeys(model),
    ...normKeys(model),
    ...latentKeys(model),
    ...ropeKeys(model),
    hidden_act: "silu",
    intermediate_size: dense === 0 ? undefined : at(firstBlock(model), "ffn.intermediate"),
    first_k_dense_replace: dense < 0 ? model.blocks.length : dense,
    n_routed_experts: at(mixture, "experts"),
    num_experts_per_tok: at(mixture, "top_k"),
    moe_intermediate_size: at(mixture, "intermediate"),
    // transformers builds no mixture without any.
    n_shared_experts: at(mixture, "shared") || undefined,
    routed_scaling_factor: at(mixture, "router.scale"),
    ...groupKeys(at(mixture, "router.groups")),
  };
};

const scaleOf = (config: ConfigReader, usual: number): number | undefined => {
  const scale = config.real("routed_scaling_factor", usual);
  return scale === 1 ? undefined : scale;
};

export const deepseekV2: Family = {
  name: "deepseek_v2",
  architecture: "DeepseekV2ForCausalLM",
  source: "DeepSeek-V2, arXiv 2405.04434",
  read: (config) => {
    checkHeads(config);
    // transformers never renormalises here, DeepSeek's own code would.
    config.only("norm_topk_prob", false);
    config.only("scoring_func", "softmax");
    const method = config.text("topk_method", "greedy");
    if (method !== "greedy" && method !== "group_limited_greedy")
      throw config.fault("topk_method", `${JSON.stringify(method)} is not known`);
    const found = readGroups(config, "best");
    const groups = method === "greedy" ? undefined : found;
    config.given("topk_group");
    return deepseekDecoder(config, 2, make("softmax", { scale: scaleOf(config, 1), groups }), {});
  },
  write: (model) => ({
    ...deepseekKeys(model),
    norm_topk_prob: false,
    topk_method: at(mixtureOf(model), "router.groups") === null ? "greedy" : "group_limited_greedy",
  }),
  lostBefore5: (model) =>
    at(firstBlock(model), "attention.position.scaling.mscale_all_dim")
      ? ["its softmax scale leaves mscale_all_dim out"]
      : [],
};

export const deepseekV3: Family = {
  name: "deepseek_v3",
  architecture: "DeepseekV3ForCausalLM",
  source: "DeepSeek-V3, arXiv 2412.19437",
  read: (config) => {
    config.only("rope_interleave", true);
    config.only("scoring_func", "sigmoid");
    config.only("topk_method", "noaux_tc");
    const router = make("sigmoid", {
      renormalise: config.flag("norm_topk_prob", true) || undefined,
      scale: scaleOf(config, 2.5),
      groups: readGroups(config, "best_two", { count: 8, keep: 4 }),
    });
    config.given("topk_group");
    // transformers keeps the biases of the choice as they are.
    return deepseekDecoder(config, 1, router, { balance: make("bias", { rate: 0 }) });
  },
  write: (model) => ({
    ...deepseekKeys(model),
    norm_topk_prob: at(mixtureOf(model), "router.renormalise"),
    rope_interleave: true,
  }),
  empty: [
    {
      name: /^model\.layers\.61\./,
      why: "a layer of multi-token prediction, which transformers does not load either",
    },
  ],
};
