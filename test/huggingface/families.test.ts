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
import { configFor, lostBefore5 } from "../../src/compiler/huggingface/save.ts";
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
const longrope = {
  rope_type: "longrope",
  rope_theta: 10000,
  short_factor: [1, 1, 1, 1],
  long_factor: [1, 2, 3, 4.5],
  original_max_position_embeddings: 16,
};
const yarn = { rope_type: "yarn", factor: 4 };

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
  ["wide heads", { ...configOf("hf/qwen2"), head_dim: 12 }] as const,
  ["a window that sees all", { ...gemma3, sliding_window: 4096 }] as const,
  ["no mixtures", { ...configOf("hf/deepseek_v2"), first_k_dense_replace: 2 }] as const,
  [
    "no shared experts on disk",
    { ...configOf("hf/deepseek_v3"), n_shared_experts: undefined },
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
  ["longrope", { ...llama, rope_parameters: { ...longrope, factor: 8 } }] as const,
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
])("%s", (name, config) => {
  const { family, model } = read(config);
  // A model of a plain window or none may be said by more than one family: the one it came from goes first.
  const fit = fitConfig(model, config);
  expect(fit.differences).toEqual([]);
  expect(fit.family.name).toBe(family.name);
  const again = readModel(family, configReader(fit.config, "config.json"));
  expect(differences(again, model)).toEqual([]);
  // Version 4 says all of them, too.
  const older = configFor(fit, model, {}, {}, "v4");
  const lost =
    name === "hf/deepseek_v2-qlora-group" ? ["its softmax scale leaves mscale_all_dim out"] : [];
  expect(lostBefore5(older, fit, model)).toEqual(lost);
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
    [
      { ...llama, rope_parameters: longrope },
      { original_max_position_embeddings: 16, rope_scaling: { long_factor: [1, 2, 3, 4.5] } },
    ],
  ])("the older is written beside the newer on request", (config, older) => {
    const { model } = read(config);
    const fit = fitConfig(model, config);
    const all = configFor(fit, model, config, { dtype: "float32" }, "v4");
    expect(all).toMatchObject(older);
    expect(lostBefore5(all, fit, model)).toEqual([]);
    expect(configFor(fit, model, config, { dtype: "float32" }, undefined)).not.toHaveProperty(
      "rope_scaling",
    );
    expect(differences(read(all).model, read(config).model)).toEqual([]);
  });
  test("a factor on which the versions differ is asked for", () => {
    const { rope_theta, ...scaling } = longrope;
    const { original_max_position_embeddings, ...rest } = scaling;
    const config = {
      ...llama,
      rope_parameters: null,
      rope_theta,
      original_max_position_embeddings,
    };
    const of = (more: object): Config => ({ ...config, rope_scaling: { ...rest, ...more } });
    expect(() => read(of({ factor: 9 }))).toThrow(
      /rope_scaling.factor is 9, but version 4 .* the ratio of the lengths, 4; --set rope_scaling.factor=4/,
    );
    expect(differences(read(of({ factor: 4 })).model, read(of({})).model)).toEqual([]);
    expect(read(of({ factor: 9, attention_factor: 1.2 })).model.blocks[0]?.attention).toMatchObject(
      { position: { scaling: { attention_factor: 1.2 } } },
    );
  });
  test("the authors' code of chains reads the older", () => {
    const rope_scaling = { type: "yarn", factor: 4, original_max_position_embeddings: 32 };
    const { model } = read({ ...configOf("coe/checkpoint-c2"), rope_theta: 5000, rope_scaling });
    const written = fitConfig(model).config;
    expect(written).toMatchObject({ rope_theta: 5000, rope_scaling });
    expect(written).not.toHaveProperty("rope_parameters");
  });
});

describe("what config.json leaves to the library's defaults, or to an older place", () => {
  test.each([
    ["hf/mistral", { max_position_embeddings: 8192 }, "sliding_window", 4096],
    [
      "hf/qwen2",
      {
        max_position_embeddings: 8192,
        use_sliding_window: true,
        max_window_layers: 1,
        layer_types: null,
      },
      "sliding_window",
      4096,
    ],
    ["hf/deepseek_v3", { n_routed_experts: 16, topk_group: 4 }, "n_group", 8],
    ["hf/deepseek_v2", {}, "n_shared_experts", 2],
    [
      "hf/llama-rope-llama3",
      {
        rope_parameters: {
          ...(configOf("hf/llama-rope-llama3")["rope_parameters"] as Config),
          original_max_position_embeddings: 32,
        },
      },
      "original_max_position_embeddings",
      32,
    ],
  ])("%s, %j: %s is %d", (name, change, key, value) => {
    const config = { ...configOf(name), ...change, [key]: undefined };
    const said = read({ ...config, [key]: value }).model;
    expect(differences(read(config).model, said)).toEqual([]);
    expect(differences(said, read({ ...config, [key]: 1 }).model)).not.toEqual([]);
  });
  test("theta outside of rope_parameters", () => {
    const theta = (config: Config): unknown =>
      (read(config).model.blocks[0]?.attention["position"] as Config)["theta"];
    const linear = { rope_type: "linear", factor: 2 };
    expect(theta({ ...llama, rope_theta: 5000, rope_parameters: linear })).toBe(5000);
    expect(
      theta({ ...llama, rope_theta: 5000, rope_parameters: { ...linear, rope_theta: 9 } }),
    ).toBe(9);
  });
  test("what an older place said of another model does not go on", () => {
    const base = {
      ...configOf("hf/llama-rope-llama3"),
      original_max_position_embeddings: 32,
      flavour: "plain",
    };
    const model = modelFrom(
      `spec 1\nmodel M {\n vocab_size = 96\n context = 64\n hidden_size = 32\n head = lm(tied: false)\n blocks 2 { norm = pre(rmsnorm()) attention = gqa(4, 2, position: rope(scaling: llama3(factor: 8, original: 16))) ffn = swiglu(48) }\n}`,
    );
    const config = configFor(fitConfig(model, base), model, base, {}, undefined);
    expect(differences(read(config).model, model)).toEqual([]);
    expect(config).toMatchObject({ flavour: "plain", bos_token_id: 1 });
    expect(config).not.toHaveProperty("original_max_position_embeddings");
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
  ["hf/gemma3", { attn_logit_softcapping: 20 }, /attn_logit_softcapping is of no effect/],
  ["hf/gemma3", { query_pre_attn_scalar: 12.5 }, /query_pre_attn_scalar is 12.5, expected a whole/],
  [
    "hf/gemma3",
    { rope_parameters: { rope_type: "default" } },
    /rope_type is no key of positions by/,
  ],
  [
    "hf/gemma3",
    { rope_scaling: { type: "linear", factor: 8 } },
    /says something else than rope_param/,
  ],
  [
    "hf/llama",
    { rope_scaling: { type: "linear", factor: 8 } },
    /says something else than rope_param/,
  ],
  ["hf/llama", { partial_rotary_factor: 0.5 }, /partial_rotary_factor is 0.5/],
  ["hf/llama", { num_attention_heads: 5, head_dim: 8 }, /no multiple of num_attention_heads/],
  [
    "hf/llama",
    { rope_parameters: { full_attention: {} } },
    /full_attention is no key of default rot/,
  ],
  [
    "hf/llama",
    {
      rope_parameters: { rope_type: "dynamic", factor: 2, original_max_position_embeddings: 32 },
    },
    /original_max_position_embeddings is 32; specc knows this family with 64/,
  ],
  ["hf/mistral", { layer_types: ["full_attention", "sliding_attention"] }, /leaves layers out/],
  ["hf/deepseek_v2", { rope_parameters: { ...yarn, mscale: 0.7 } }, /counts here only beside/],
  [
    "hf/deepseek_v2",
    { rope_parameters: { ...yarn, mscale_all_dim: 1 } },
    /counts here only beside/,
  ],
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
  [
    "deepseek_v3",
    "ffn.shared is 0, not 1",
    "moe(experts: 4, top_k: 2, intermediate: 8, router: sigmoid(), balance: bias())",
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
