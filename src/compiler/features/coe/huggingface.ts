// Checkpoints of the authors' code (ZihanWang314/CoE): DeepSeek V2's config.json with the keys of the chain. Those keys have no
// default there, so a config.json without them asks for them.
import { make, type Family, type Keys } from "../../huggingface/family.ts";
import type { Config, ConfigReader } from "../../huggingface/config-reader.ts";
import {
  groupKeys,
  latentKeys,
  readGroups,
  readLatent,
} from "../../huggingface/families/deepseek.ts";
import {
  at,
  decoderKeys,
  listAt,
  normKeys,
  readDecoder,
  readNorm,
  variantAt,
} from "../../huggingface/families/parts.ts";
import { olderRope, ropeParameters } from "../../huggingface/families/rope.ts";
import type { DecoderSpec, Value, Variant } from "../../semantics/spec.ts";

const residualOf = (config: ConfigReader): string => {
  const [inner, outer] = [config.flag("inner_residual"), config.flag("outer_residual")];
  if (inner) return outer ? "both" : "inner";
  return outer ? "outer" : "none";
};
const residualKeys = (residual: Value | undefined): Config => ({
  inner_residual: residual === "inner" || residual === "both",
  outer_residual: residual === "outer" || residual === "both",
});

/** Renormalised or scaled, never both; one pick alone is never renormalised. */
const readRouter = (config: ConfigReader): Variant => {
  config.only("scoring_func", "softmax");
  const method = config.text("topk_method", "greedy");
  if (method !== "greedy" && method !== "group_limited_greedy")
    throw config.fault("topk_method", `${JSON.stringify(method)} is not known`);
  const groups = readGroups(config, "best");
  const renormalise =
    config.flag("norm_topk_prob", false) && config.whole("num_experts_per_tok") > 1;
  const scale = config.real("routed_scaling_factor", 1);
  return make("softmax", {
    renormalise: renormalise || undefined,
    scale: renormalise || scale === 1 ? undefined : scale,
    groups: method === "greedy" ? undefined : groups,
    init: make("fan_in"),
  });
};

const readBalance = (config: ConfigReader): Value | undefined => {
  const weight = config.real("aux_loss_alpha", 0.001);
  const kind = config.flag("seq_aux", true) ? "sequence" : "batch";
  return weight === 0 ? undefined : make(kind, { weight });
};

const readChain = (config: ConfigReader): Value => {
  const iterations = config.whole("inner_iter");
  const own = config.flag("use_igate");
  const router = readRouter(config);
  const shared = config.optional("n_shared_experts");
  const keys = {
    experts: config.whole("n_routed_experts"),
    top_k: config.whole("num_experts_per_tok"),
    intermediate: config.whole("moe_intermediate_size"),
    shared: shared === 0 ? undefined : shared,
  };
  const rest = { residual: residualOf(config), balance: readBalance(config) };
  // One router of a single iteration: a mixture, by its names on disk as well.
  if (iterations === 1 && !own) return make("moe", { ...keys, router, ...rest });
  return make("coe", {
    ...keys,
    iterations,
    router: make(own ? "per_iteration" : "one", { router }),
    ...rest,
  });
};

const chainKeys = (ffn: Variant | undefined): Config => {
  const chained = ffn?.is === "coe";
  const router = at(ffn, chained ? "router.router" : "router");
  const term = listAt(ffn, "balance")[0];
  return {
    n_routed_experts: at(ffn, "experts"),
    num_experts_per_tok: at(ffn, "top_k"),
    moe_intermediate_size: at(ffn, "intermediate"),
    n_shared_experts: at(ffn, "shared"),
    inner_iter: chained ? at(ffn, "iterations") : 1,
    use_igate: chained && at(ffn, "router.is") === "per_iteration",
    ...residualKeys(at(ffn, "residual.is")),
    scoring_func: "softmax",
    norm_topk_prob: at(router, "renormalise"),
    routed_scaling_factor: at(router, "scale"),
    topk_method: at(router, "groups") === null ? "greedy" : "group_limited_greedy",
    ...groupKeys(at(router, "groups")),
    aux_loss_alpha: at(term, "weight") ?? 0,
    seq_aux: at(term, "is") !== "batch",
  };
};

export const coeCheckpoints: Family = {
  name: "coe_deepseekv2",
  architecture: "CoeForCausalLM",
  source: "Chain-of-Experts, arXiv 2506.18945, the authors' layout",
  reader: "transformers has no such model: the authors' code (ZihanWang314/CoE) loads it",
  read: (config) => {
    config.only("hidden_act", "silu");
    config.only("first_k_dense_replace", 0);
    config.only("moe_layer_freq", 1);
    const norm = readNorm(config);
    // Of dense layers, which that code cannot build.
    config.given("intermediate_size");
    const block = (): Keys => ({
      norm: make("pre", { norm }),
      attention: readLatent(config),
      ffn: readChain(config),
    });
    return readDecoder(config, { block, final_norm: norm });
  },
  write: (model: DecoderSpec) => ({
    ...decoderKeys(model),
    ...normKeys(model),
    ...latentKeys(model),
    // That code is of version 4.
    ...olderRope(ropeParameters(variantAt(model.blocks[0], "attention.position")) ?? {}),
    hidden_act: "silu",
    first_k_dense_replace: 0,
    moe_layer_freq: 1,
    ...chainKeys(variantAt(model.blocks[0], "ffn")),
  }),
};
