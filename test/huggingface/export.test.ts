// `specc export` from outside: what it writes, what it refuses, and how it says it.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { project, specc } from "../cli/run.ts";
import { replaceTensors, source, tensorsOf } from "./folders.ts";

test("what is of no family is refused with the reason", async () => {
  const text = readFileSync(join(project(), "model.arch"), "utf8")
    .replace("swiglu", "relu2")
    .replace("scaling   = gpas()", "");
  const cwd = project({ "model.arch": text });
  const ran = await specc(["export", "model.arch", "-o", "out"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringContaining("nearest is llama, but\n  blocks.0.ffn is relu2, not swiglu"),
  ]);
  const untrained = await specc(["export", "model.arch", "-o", "out"], { cwd: project() });
  expect([untrained.code, untrained.err]).toEqual([
    1,
    expect.stringContaining("train first and export the run's folder"),
  ]);
});
test("a method's own layout says who reads it", async () => {
  const cwd = project();
  await specc(["train", "model.arch", "--out-dir", "run", "-q"], { cwd });
  const ran = await specc(["export", "run", "-o", "out"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    0,
    expect.stringContaining("transformers has no such model"),
  ]);
  expect(JSON.parse(readFileSync(join(cwd, "out", "config.json"), "utf8"))).toMatchObject({
    model_type: "gpas_llama",
    architectures: ["LLaMAForCausalLM"],
    norm_type: "pre_gpas",
  });
  const back = await specc(["import", "out", "-o", "back/model.arch"], { cwd });
  expect(back.code, back.err).toBe(0);
  expect(readFileSync(join(cwd, "back", "model.arch"), "utf8")).toContain("scaling = gpas()");
});
test("a trained run comes out with its tokenizer and no tie to specc", async () => {
  const plain = readFileSync(join(project(), "model.arch"), "utf8").replace(
    "scaling   = gpas()",
    "",
  );
  const cwd = project({ "model.arch": plain });
  await specc(["train", "model.arch", "--out-dir", "run", "-q"], { cwd });
  const ran = await specc(["export", "run", "-o", "out", "--json"], { cwd });
  expect(ran.code, ran.err).toBe(0);
  expect(JSON.parse(ran.out)).toMatchObject({
    family: "llama",
    reader: "transformers",
    dtype: "float32",
    files: [
      "model.safetensors",
      "config.json",
      "generation_config.json",
      "tokenizer_config.json",
      "tokenizer.json",
    ],
  });
  const config = JSON.parse(readFileSync(join(cwd, "out", "config.json"), "utf8")) as object;
  expect(config).toMatchObject({
    model_type: "llama",
    eos_token_id: null,
    rope_parameters: { rope_type: "default" },
  });
  expect(config).not.toHaveProperty("specc");
});
test("shards, formats and the older spelling on request", async () => {
  const cwd = source("hf/llama");
  await specc(["import", "hub"], { cwd });
  const argv = ["export", "hub/model.arch", "-o", "out", "--dtype", "bfloat16", "--compat", "v4"];
  const ran = await specc([...argv, "--max-shard-size", "20kB"], { cwd });
  expect(ran.code, ran.err).toBe(0);
  const shards = readdirSync(join(cwd, "out")).filter((name) => name.endsWith(".safetensors"));
  expect(shards).toHaveLength(3);
  for (const shard of shards)
    expect(statSync(join(cwd, "out", shard)).size).toBeLessThan(20_000 + 3000);
  expect(JSON.parse(readFileSync(join(cwd, "out", "config.json"), "utf8"))).toMatchObject({
    dtype: "bfloat16",
    torch_dtype: "bfloat16",
    rope_theta: 10000,
    rope_scaling: null,
  });
  const stale = await specc(argv, { cwd });
  expect([stale.code, stale.err]).toEqual([2, expect.stringContaining("holds other weights")]);
  expect((await specc([...argv, "--overwrite"], { cwd })).code).toBe(0);
  expect(readdirSync(join(cwd, "out")).sort()).toEqual([
    "config.json",
    "generation_config.json",
    "model.safetensors",
  ]);
  const back = await specc(["import", "out", "-o", "back/model.arch"], { cwd });
  expect(back.code, back.err).toBe(0);
  const [before, after] = [
    tensorsOf(join(cwd, "hub/model.safetensors")),
    tensorsOf(join(cwd, "back/model.safetensors")),
  ];
  for (const [name, { data }] of Object.entries(before))
    data.forEach((x, i) =>
      expect(Math.abs(after[name]!.data[i]! - x)).toBeLessThanOrEqual(Math.abs(x) / 256),
    );
});
test("a tokenizer that specc does not read goes along", async () => {
  const cwd = source("hf/llama");
  const tokenizer = '{"model":{"type":"Unigram","vocab":[["a",0]]}}';
  writeFileSync(join(cwd, "hub", "tokenizer.json"), tokenizer);
  const read = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  expect([read.code, read.err]).toEqual([
    0,
    expect.stringContaining("a Unigram tokenizer is not supported"),
  ]);
  const ran = await specc(["export", "in/model.arch", "-o", "out"], { cwd });
  expect(ran.code, ran.err).toBe(0);
  expect(readFileSync(join(cwd, "out", "tokenizer.json"), "utf8")).toBe(tokenizer);
});
test.each([
  [
    "hf/gemma3",
    {
      rope_parameters: {
        full_attention: { rope_type: "default", rope_theta: 1e6 },
        sliding_attention: { rope_type: "linear", rope_theta: 1e4, factor: 2 },
      },
    },
    "blocks.0.attention.position.scaling is linear, not none",
  ],
  ["hf/deepseek_v2-qlora-group", {}, "its softmax scale leaves mscale_all_dim out"],
])("what version 4 would compute otherwise is refused: %s", async (name, config, why) => {
  const cwd = source(name, config);
  await specc(["import", "hub"], { cwd });
  const argv = ["export", "hub/model.arch", "-o", "out"];
  const ran = await specc([...argv, "--compat", "v4"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    1,
    `error: transformers 4 does not compute Hub\n  ${why}\n  without --compat v4 it is written for transformers 5\n`,
  ]);
  expect(existsSync(join(cwd, "out"))).toBe(false);
  expect((await specc(argv, { cwd })).code).toBe(0);
});
test("a changed model gets a changed config, with what the old one said besides", async () => {
  const cwd = source("hf/llama", { flavour: "plain" });
  await specc(["import", "hub"], { cwd });
  const path = join(cwd, "hub", "model.arch");
  writeFileSync(path, readFileSync(path, "utf8").replace("context = 64", "context = 128"));
  await specc(["export", "hub/model.arch", "-o", "out"], { cwd });
  expect(JSON.parse(readFileSync(join(cwd, "out", "config.json"), "utf8"))).toMatchObject({
    max_position_embeddings: 128,
    flavour: "plain",
    bos_token_id: 1,
  });
});
test("a weight that would become infinite is told, and nothing is left", async () => {
  const cwd = source("hf/llama");
  const path = join(cwd, "hub", "model.safetensors");
  const data = new Float32Array(32).fill(1e5);
  const norm = { dtype: "f32", shape: [32], data } as const;
  const tensors = { ...tensorsOf(path), "model.norm.weight": norm };
  replaceTensors(path, tensors);
  await specc(["import", "hub"], { cwd });
  const ran = await specc(["export", "hub/model.arch", "-o", "out", "--dtype", "float16"], {
    cwd,
  });
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringContaining("model.norm.weight: holds 100000, which is too large for F16"),
  ]);
  expect(readdirSync(join(cwd, "out"))).toEqual([]);
  const bf16 = await specc(["export", "hub/model.arch", "-o", "out", "--dtype", "bfloat16"], {
    cwd,
  });
  expect(bf16.code, bf16.err).toBe(0);
});
test("weights of another model are refused", async () => {
  const cwd = source("hf/llama");
  await specc(["import", "hub"], { cwd });
  const path = join(cwd, "hub", "model.arch");
  writeFileSync(path, readFileSync(path, "utf8").replace("intermediate: 48", "intermediate: 50"));
  const ran = await specc(["export", "hub/model.arch", "-o", "out"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringContaining("gate_proj.weight is [48, 32], the model's is [50, 32]"),
  ]);
  expect(readdirSync(cwd)).toEqual(["hub"]);
});
