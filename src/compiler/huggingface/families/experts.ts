// Mixtures of experts with softmax attention: Mixtral, Qwen 3 and OLMoE.
import type { ModelSpec, Value } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Family, type Keys } from "../family.ts";
import {
  at,
  listAt,
  readAttention,
  readDecoder,
  readNorm,
  readSwiglu,
  readWindow,
  variantAt,
  windowOf,
  windowOfAll,
} from "./parts.ts";
import { readHeadNorm, readSwitchedWindow } from "./qwen.ts";
import { rotaryKeys } from "./rotary.ts";
import { readRope } from "./rope.ts";

/** The first layer that is a mixture. */
export const mixtureOf = (model: ModelSpec): Value | undefined =>
  model.blocks.map((block) => variantAt(block, "ffn")).find((ffn) => ffn?.is === "moe");

/**
 * What transformers adds to the loss where router logits are asked for: over the tokens of all layers, and top_k times as
 * large as specc's `model(...)` when experts are used alike.
 */
const readBalance = (config: ConfigReader, usual: number): Value | undefined => {
  const coefficient = config.real("router_aux_loss_coef", usual);
  if (!config.flag("output_router_logits", false) || coefficient === 0) return undefined;
  return make("model", { weight: coefficient * config.whole("num_experts_per_tok") });
};
const balanceKeys = (model: ModelSpec): Config => {
  const term = listAt(mixtureOf(model), "balance").find((one) => at(one, "is") === "model");
  const [weight, picks] = [at(term, "weight"), at(mixtureOf(model), "top_k")];
  return typeof weight === "number" && typeof picks === "number"
    ? { output_router_logits: true, router_aux_loss_coef: weight / picks }
    : { output_router_logits: false };
};

const readMixture = (
  config: ConfigReader,
  keys: { readonly experts: number; readonly intermediate: number; readonly renormalise: boolean },
  coefficient: number,
): Value =>
  make("moe", {
    experts: keys.experts,
    top_k: config.whole("num_experts_per_tok"),
    intermediate: keys.intermediate,
    router: make("softmax", { renormalise: keys.renormalise || undefined }),
    balance: readBalance(config, coefficient),
  });
const mixtureKeys = (model: ModelSpec): Config => ({
  hidden_act: "silu",
  num_experts_per_tok: at(mixtureOf(model), "top_k"),
  norm_topk_prob: at(mixtureOf(model), "router.renormalise"),
  ...balanceKeys(model),
});

const EXPERTS = "model.layers.{l}.mlp";
const MIXTRAL = "model.layers.{l}.block_sparse_moe";
export const mixtral: Family = {
  name: "mixtral",
  architecture: "MixtralForCausalLM",
  source: "Mixtral of Experts, arXiv 2401.04088",
  read: (config) => {
    config.only("hidden_act", "silu");
    config.only("router_jitter_noise", 0);
    const norm = readNorm(config, {}, 1e-5);
    const window = windowOfAll(config, readWindow(config));
    const block = (): Keys => ({
      norm: make("pre", { norm }),
      attention: readAttention(config, { position: readRope(config, 1_000_000), window }),
      ffn: readMixture(
        config,
        {
          experts: config.whole("num_local_experts", 8),
          intermediate: config.whole("intermediate_size"),
          renormalise: true,
        },
        0.001,
      ),
    });
    return readDecoder(config, { block, final_norm: norm });
  },
  write: (model) => ({
    ...rotaryKeys(model),
    ...mixtureKeys(model),
    norm_topk_prob: undefined,
    num_local_experts: at(mixtureOf(model), "experts"),
    intermediate_size: at(mixtureOf(model), "intermediate"),
    sliding_window: windowOf(model),
  }),
  tensors: [
    { theirs: `${MIXTRAL}.gate.weight`, made: `${EXPERTS}.gate.weight` },
    ...[
      ["w1", "gate"],
      ["w2", "down"],
      ["w3", "up"],
    ].map(([theirs, ours]) => ({
      theirs: `${MIXTRAL}.experts.{e}.${theirs!}.weight`,
      made: `${EXPERTS}.experts.{e}.${ours!}_proj.weight`,
    })),
  ],
};

export const qwen3Moe: Family = {
  name: "qwen3_moe",
  architecture: "Qwen3MoeForCausalLM",
  source: "Qwen3, arXiv 2505.09388",
  read: (config) => {
    const norm = readNorm(config);
    const window = windowOfAll(config, readSwitchedWindow(config));
    const every = config.whole("decoder_sparse_step", 1);
    const dense = new Set(config.wholes("mlp_only_layers"));
    // Newer files call it num_local_experts.
    const experts = config.optional("num_local_experts") ?? config.whole("num_experts", 128);
    const mixture = {
      experts,
      intermediate: config.whole("moe_intermediate_size"),
      renormalise: config.flag("norm_topk_prob", false),
    };
    const block = (layer: number): Keys => ({
      norm: make("pre", { norm }),
      attention: readAttention(config, {
        position: readRope(config),
        ...readHeadNorm(config),
        window,
      }),
      ffn:
        dense.has(layer) || (layer + 1) % every !== 0
          ? readSwiglu(config)
          : readMixture(config, mixture, 0.001),
    });
    // Of dense layers; a model without any keeps it in config.json.
    config.given("intermediate_size");
    return readDecoder(config, { block, final_norm: norm });
  },
  write: (model) => {
    const dense = model.blocks.flatMap(({ ffn }, layer) => (ffn.is === "moe" ? [] : [layer]));
    const first = dense[0] === undefined ? undefined : model.blocks[dense[0]];
    const experts = at(mixtureOf(model), "experts");
    return {
      ...rotaryKeys(model),
      ...mixtureKeys(model),
      num_experts: experts,
      num_local_experts: experts,
      moe_intermediate_size: at(mixtureOf(model), "intermediate"),
      intermediate_size: at(first, "ffn.intermediate"),
      decoder_sparse_step: 1,
      mlp_only_layers: dense,
      attention_bias: at(model.blocks[0], "attention.bias"),
      use_sliding_window: windowOf(model) !== null,
      sliding_window: windowOf(model),
    };
  },
};

export const olmoe: Family = {
  name: "olmoe",
  architecture: "OlmoeForCausalLM",
  source: "OLMoE, arXiv 2409.02060",
  read: (config) => {
    config.only("hidden_act", "silu");
    if (config.has("clip_qkv")) throw config.fault("clip_qkv", "has no counterpart in specc");
    const norm = readNorm(config, {}, 1e-5);
    const mixture = {
      experts: config.whole("num_experts", 64),
      intermediate: config.whole("intermediate_size"),
      renormalise: config.flag("norm_topk_prob", false),
    };
    const block = (): Keys => ({
      norm: make("pre", { norm }),
      attention: readAttention(config, {
        position: readRope(config),
        qk_norm: make("joint", { norm }),
        bias: config.flag("attention_bias", false) || undefined,
      }),
      ffn: readMixture(config, mixture, 0.01),
    });
    return readDecoder(config, { block, final_norm: norm });
  },
  write: (model) => ({
    ...rotaryKeys(model),
    ...mixtureKeys(model),
    head_dim: undefined,
    num_experts: at(mixtureOf(model), "experts"),
    intermediate_size: at(mixtureOf(model), "intermediate"),
    attention_bias: at(model.blocks[0], "attention.bias"),
  }),
};
