// Each family in both directions: what is written for an imported model reads back as the same, and is found again as the same
// family, with nothing of its config.json but the model.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { configReader, type Config } from "../../src/compiler/huggingface/config-reader.ts";
import {
  familyOf,
  fitConfig,
  importConfig,
  readModel,
  type Family,
} from "../../src/compiler/huggingface/index.ts";
import { configFor } from "../../src/compiler/huggingface/save.ts";
import { differences } from "../../src/compiler/huggingface/same-model.ts";
import type { DecoderSpec } from "../../src/compiler/semantics/spec.ts";
import { dataFolder } from "../parity/checkpoints.ts";
import { coeArch, coeCases, type CoeConfig } from "../parity/mixtures.ts";
import { modelFrom } from "../parity/models.ts";

const configOf = (name: string): Config =>
  JSON.parse(readFileSync(`${dataFolder(name)}config.json`, "utf8")) as Config;
const read = (config: Config): { readonly family: Family; readonly model: DecoderSpec } =>
  importConfig(config, { file: "config.json", tensors: new Set(), name: "Read", doc: () => [] });
const names = readdirSync(dataFolder("hf"));
const llama = configOf("hf/llama");
const gemma3 = configOf("hf/gemma3");

test.each([
  ...names.map((name) => [`hf/${name}`, configOf(`hf/${name}`)] as const),
  ["coe", configOf("coe/checkpoint-c2")] as const,
  ...["pre_gpas", "lns_gpas", "sandwich_gpas", "post", "deeppost_gpas", "post_pre_gpas"].map(
    (norm_type) =>
      [
        `gpas ${norm_type}`,
        { ...configOf("gpas/checkpoint-pre_gpas"), norm_type, post_num: 1, num_hidden_layers: 4 },
      ] as const,
  ),
  [
    "windows above",
    {
      ...configOf("hf/qwen2"),
      layer_types: null,
      use_sliding_window: true,
      sliding_window: 4,
      max_window_layers: 1,
    },
  ] as const,
  ["dense layers between", { ...configOf("hf/qwen3_moe"), decoder_sparse_step: 2 }] as const,
  ["attention biases", { ...llama, attention_bias: true, mlp_bias: true }] as const,
  [
    "linear",
    {
      ...llama,
      rope_parameters: null,
      rope_theta: 5000,
      rope_scaling: { type: "linear", factor: 2 },
    },
  ] as const,
  [
    "dynamic",
    { ...llama, rope_parameters: { rope_type: "dynamic", rope_theta: 10000, factor: 2 } },
  ] as const,
  [
    "longrope",
    {
      ...llama,
      rope_parameters: {
        rope_type: "longrope",
        rope_theta: 10000,
        factor: 8,
        short_factor: [1, 1, 1, 1],
        long_factor: [1, 2, 3, 4.5],
        original_max_position_embeddings: 16,
      },
    },
  ] as const,
  [
    "yarn with scales",
    {
      ...llama,
      rope_parameters: {
        rope_type: "yarn",
        rope_theta: 10000,
        factor: 4,
        original_max_position_embeddings: 16,
        mscale: 0.7,
        mscale_all_dim: 1,
        truncate: false,
      },
    },
  ] as const,
])("%s", (_name, config) => {
  const { family, model } = read(config);
  // A model of a plain window or none may be said by more than one family: the one it came from goes first.
  const fit = fitConfig(model, config);
  expect(fit.differences).toEqual([]);
  expect(fit.family.name).toBe(family.name);
  const again = readModel(family, configReader(fit.config, "config.json"));
  expect(differences(again, model)).toEqual([]);
});

describe("both spellings of rotary positions", () => {
  test("say the same model", () => {
    const older = configOf("hf/llama-v4config");
    const newer = configOf("hf/llama-rope-llama3");
    expect(differences(read(older).model, read(newer).model)).toEqual([]);
  });
  test("by layer type, as Gemma 3 spelled them", () => {
    const older = {
      ...gemma3,
      rope_parameters: null,
      rope_theta: 1000000,
      rope_local_base_freq: 10000,
      rope_scaling: { rope_type: "linear", factor: 4 },
    };
    expect(differences(read(older).model, read(gemma3).model)).toEqual([]);
  });
  test.each([
    [llama, { rope_theta: 10000, rope_scaling: null, torch_dtype: "float32" }],
    [
      configOf("hf/llama-rope-llama3"),
      { rope_theta: 500, rope_scaling: { rope_type: "llama3", factor: 8 } },
    ],
    [gemma3, { rope_theta: 1000000, rope_local_base_freq: 10000, rope_scaling: { factor: 4 } }],
  ])("the older is written beside the newer on request", (config, older) => {
    const fit = fitConfig(read(config).model, config);
    const all = configFor(fit, config, { dtype: "float32" }, "v4");
    expect(all).toMatchObject(older);
    expect(configFor(fit, config, { dtype: "float32" }, undefined)).not.toHaveProperty(
      "rope_scaling",
    );
    expect(differences(read(all).model, read(config).model)).toEqual([]);
  });
});

test.each(coeCases)("the authors' chains read as the parity tests have them: %s", (name) => {
  const { config } = JSON.parse(readFileSync(`${dataFolder(`coe/${name}`)}case.json`, "utf8")) as {
    readonly config: CoeConfig;
  };
  const { model } = read({ ...config, model_type: "coe_deepseekv2", max_position_embeddings: 64 });
  expect(differences(model, modelFrom(coeArch(config)))).toEqual([]);
});

test("the family that config.json names is taken, else it is told what is known", () => {
  expect(familyOf(llama, new Set(), "c").name).toBe("llama");
  expect(familyOf(llama, new Set(["model.layers.0.gpas_block.gate"]), "c").name).toBe("gpas_llama");
  expect(() => familyOf({}, new Set(), "c")).toThrow(/model_type is missing/);
  expect(() => familyOf({ model_type: "bert" }, new Set(), "c")).toThrow(/"bert" is not known/);
});

test.each([
  ["hf/gemma3", { use_bidirectional_attention: true }, /use_bidirectional_attention is true/],
  ["hf/olmoe", { clip_qkv: 8 }, /clip_qkv has no counterpart/],
  ["hf/deepseek_v2", { topk_method: "best" }, /topk_method "best" is not known/],
  ["hf/deepseek_v2", { norm_topk_prob: true }, /norm_topk_prob is true/],
  ["hf/deepseek_v3", { rope_interleave: false }, /rope_interleave is false/],
  ["hf/gpt2", { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx is true/],
  ["hf/gpt2", { activation_function: "relu" }, /activation_function "relu" is not known/],
  ["hf/mixtral", { router_jitter_noise: 0.1 }, /router_jitter_noise is 0.1/],
  ["hf/qwen2", { layer_types: ["full_attention"] }, /layer_types names 1 layers of 2/],
  ["hf/qwen2", { layer_types: ["full_attention", "odd"] }, /layer_types "odd" is not known/],
  ["coe/checkpoint-c2", { inner_iter: null }, /inner_iter is missing/],
  ["coe/checkpoint-c2", { use_igate: null }, /use_igate is missing/],
])("%s refuses %j", (name, change, message) => {
  expect(() => read({ ...configOf(name), ...change })).toThrow(message);
});

test.each([
  ["gpas_llama", "scaling.site", "swiglu(32) scaling = gpas(site: branch)", "mha(4)"],
  ["llama", "ffn is gelu", "gelu(32)", "mha(4)"],
  [
    "mixtral",
    "ffn.residual",
    "moe(experts: 4, top_k: 2, intermediate: 8, residual: both, router: softmax(renormalise: true))",
    "gqa(4, 2)",
  ],
  [
    "deepseek_v3",
    "ffn.balance is none, not bias",
    "moe(experts: 4, top_k: 2, intermediate: 8, shared: 1, router: sigmoid())",
    "mla(heads: 4, kv_rank: 8, nope: 8, rope: 4, v: 8)",
  ],
])("the nearest of no family is %s: %s", (name, problem, ffn, attention) => {
  const fit = fitConfig(
    modelFrom(
      `spec 1\nmodel M {\n vocab_size = 64\n context = 32\n hidden_size = 16\n head = lm(tied: false)\n blocks 2 { norm = pre(rmsnorm()) attention = ${attention} ffn = ${ffn} }\n}`,
    ),
  );
  expect([fit.family.name, fit.differences.join("; ")]).toEqual([
    name,
    expect.stringContaining(problem),
  ]);
});
