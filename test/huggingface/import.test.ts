// `specc import` from outside: what it writes, what it refuses, and how it says it.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bytesTokenizer } from "../../src/runtime/tokenizers/tokenizer.ts";
import { folder, specc, type Ran } from "../cli/run.ts";
import { dataFolder } from "../parity/checkpoints.ts";
import { replaceTensors, source, tensorsOf } from "./folders.ts";

test("writes a spec that says what the model is, and links the weights", async () => {
  const cwd = source("hf/llama");
  const ran = await specc(["import", "hub"], { cwd });
  expect(ran).toEqual({
    code: 0,
    out: "",
    err:
      "hub/model.arch: Hub, a LlamaForCausalLM\nweights unchanged: 21 tensors as they are\n" +
      "no tokenizer.json: specc generate needs the model's own beside the weights\n",
  });
  expect(readFileSync(join(cwd, "hub", "model.arch"), "utf8")).toMatchInlineSnapshot(`
    "spec 1

    /// hub, a LlamaForCausalLM (LLaMA, arXiv 2302.13971) of 21_664 parameters.
    /// Imported by specc 0.1.0; config.json beside it keeps what no key of this file says.
    export model Hub {
      vocab_size = 96
      hidden_size = 32
      context = 64
      embedding = token()

      blocks 2 {
        norm = pre(rmsnorm(eps: 1e-5))
        attention = gqa(heads: 4, kv: 2, position: rope(theta: 10_000))
        ffn = swiglu(intermediate: 48)
      }
      final_norm = rmsnorm(eps: 1e-5)
      head = lm(tied: false)
    }
    "
  `);
  const elsewhere = await specc(["import", "hub", "-o", "b/c.arch", "--name", "Mine"], { cwd });
  expect(elsewhere.err).toContain("weights linked");
  expect(statSync(join(cwd, "b", "model.safetensors")).ino).toBe(
    statSync(join(cwd, "hub", "model.safetensors")).ino,
  );
  expect(readFileSync(join(cwd, "b", "c.arch"), "utf8")).toContain("export model Mine {");
});
test("twice is once", async () => {
  const cwd = source("hf/llama");
  await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  const again = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  expect([again.code, again.err]).toEqual([0, expect.stringContaining("weights unchanged")]);
});
test("never writes over what says something else", async () => {
  const cwd = source("hf/llama");
  await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  writeFileSync(join(cwd, "in", "model.arch"), "spec 1\n");
  const refused = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("--overwrite")]);
  const forced = await specc(["import", "hub", "-o", "in/model.arch", "--overwrite"], { cwd });
  expect(forced.code).toBe(0);
});
test("weights of another import in the same folder are never taken for these", async () => {
  const cwd = source("hf/llama");
  const shards = dataFolder("hf/llama-sharded");
  await specc(["import", "hub", "-o", "in/one.arch"], { cwd });
  const refused = await specc(["import", shards, "-o", "in/two.arch"], { cwd });
  expect([refused.code, refused.err]).toEqual([
    2,
    expect.stringContaining("holds other weights: model.safetensors"),
  ]);
  const files = (): readonly string[] =>
    readdirSync(join(cwd, "in")).filter((f) => /^model/.test(f));
  expect(files()).toEqual(["model.safetensors"]);
  const argv = ["import", shards, "-o", "in/two.arch", "--overwrite"];
  expect((await specc(argv, { cwd })).code).toBe(0);
  expect(files()).toHaveLength(5);
  const back = await specc(["import", "hub", "-o", "in/one.arch", "--overwrite"], { cwd });
  expect([back.code, files()]).toEqual([0, ["model.safetensors"]]);
  expect(readdirSync(shards).filter((f) => /^model/.test(f))).toHaveLength(5);
});
test("says which tensors are missing, unexpected and misshapen, and writes nothing", async () => {
  const cwd = source("hf/llama", { vocab_size: 97 });
  const path = join(cwd, "hub", "model.safetensors");
  const { "model.norm.weight": norm, ...rest } = tensorsOf(path);
  replaceTensors(path, { ...rest, "model.normal.weight": norm! });
  const ran = await specc(["import", "hub", "-o", "in/model.arch", "--json"], { cwd });
  expect(ran.code).toBe(1);
  expect(ran.err).toMatchInlineSnapshot(`
    "error: hub does not hold the model of its config.json
      missing: model.norm.weight
      not in the model: model.normal.weight (--allow-unexpected leaves them behind)
      model.embed_tokens.weight is [96, 32], config.json makes it [97, 32]
      lm_head.weight is [96, 32], config.json makes it [97, 32]
    "
  `);
  expect(JSON.parse(ran.out)).toMatchObject({
    family: "llama",
    tensors: { missing: ["model.norm.weight"], unexpected: ["model.normal.weight"] },
  });
  expect(readdirSync(cwd)).toEqual(["hub"]);
});
test("GPT-2 without its prefix and with its masks is GPT-2", async () => {
  const cwd = source("hf/gpt2");
  const path = join(cwd, "hub", "model.safetensors");
  const given = readFileSync(path);
  const mask = { dtype: "f32", shape: [1], data: Float32Array.of(0) } as const;
  const bare = Object.entries(tensorsOf(path)).map(
    ([name, tensor]) => [name.replace("transformer.", ""), tensor] as const,
  );
  replaceTensors(path, { ...Object.fromEntries(bare), "h.0.attn.bias": mask });
  const ran = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    0,
    expect.stringContaining("left behind, the causal mask: transformer.h.0.attn.bias"),
  ]);
  await specc(["export", "in/model.arch", "-o", "out"], { cwd });
  expect(readFileSync(join(cwd, "out", "model.safetensors")).equals(given)).toBe(true);
});
test("weights of 16 bits compute as f32, and come out as they came", async () => {
  for (const dtype of ["bfloat16", "float16"]) {
    const cwd = source("hf/gpt2");
    const run = (...argv: readonly string[]) => specc(argv, { cwd });
    await run("import", "hub", "-o", "a/model.arch");
    await run("export", "a/model.arch", "-o", "half", "--dtype", dtype);
    await run("import", "half", "-o", "b/model.arch");
    const inputs = `${dataFolder("hf/gpt2")}golden.safetensors`;
    const ran = await run(
      "forward",
      "b/model.arch",
      "--inputs",
      inputs,
      "--out",
      "o",
      "--engine",
      "cpu",
    );
    expect(ran.code, ran.err).toBe(0);
    const logits = tensorsOf(join(cwd, "o"))["logits"]!.data;
    const wanted = tensorsOf(inputs)["logits"]!.data;
    const worst = Math.max(...wanted.map((x, i) => Math.abs(x - logits[i]!)));
    expect(worst).toBeGreaterThan(1e-5);
    expect(worst).toBeLessThan(0.05);
    await run("export", "b/model.arch", "-o", "again");
    for (const file of ["model.safetensors", "config.json"])
      expect(
        readFileSync(join(cwd, "again", file)).equals(readFileSync(join(cwd, "half", file))),
      ).toBe(true);
  }
});
test("weights that are no floats, and pointers to weights, are told", async () => {
  const cwd = source("hf/llama");
  const path = join(cwd, "hub", "model.safetensors");
  await specc(["import", "hub"], { cwd });
  const norm = { dtype: "i32", shape: [32], data: new Int32Array(32) } as const;
  const tensors = { ...tensorsOf(path), "model.norm.weight": norm };
  replaceTensors(path, tensors);
  const told = async (...argv: readonly string[]): Promise<unknown> => {
    const ran = await specc(argv, { cwd });
    return [ran.code, ran.err];
  };
  const reason: unknown = expect.stringContaining("model.norm.weight is I32");
  expect(await told("import", "hub", "-o", "in/model.arch")).toEqual([1, reason]);
  expect(await told("export", "hub/model.arch", "-o", "out")).toEqual([1, reason]);
  expect(await told("generate", "hub/model.arch", "--prompt", "a", "--engine", "cpu")).toEqual([
    1,
    reason,
  ]);
  writeFileSync(path, "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 90000\n");
  expect(await told("import", "hub", "-o", "in/model.arch")).toEqual([
    1,
    expect.stringContaining("hub/model.safetensors: not the weights but a pointer to them"),
  ]);
});
test("leaves behind what it may", async () => {
  const cwd = source("hf/llama");
  const path = join(cwd, "hub", "model.safetensors");
  const tensors = tensorsOf(path);
  const extra = { dtype: "f32", shape: [1], data: Float32Array.of(1) } as const;
  replaceTensors(path, { ...tensors, extra });
  expect((await specc(["import", "hub", "-o", "in/m.arch"], { cwd })).code).toBe(1);
  const ran = await specc(["import", "hub", "-o", "in/m.arch", "--allow-unexpected"], { cwd });
  expect([ran.code, ran.err]).toEqual([0, expect.stringContaining("no part of the model: extra")]);
  expect(tensorsOf(join(cwd, "in", "model.safetensors"))).toEqual(tensors);
});
test("a tied head that lies there too must be the embedding", async () => {
  const cwd = source("hf/llama", { tie_word_embeddings: true });
  const ran = await specc(["import", "hub", "-o", "in/model.arch"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    1,
    expect.stringContaining("lm_head.weight differs from model.embed_tokens.weight"),
  ]);
});
test("keys that config.json lacks are named, and come as options", async () => {
  const cwd = source("hf/llama", { max_position_embeddings: null, flavour: "plain" });
  const ran = await specc(["import", "hub"], { cwd });
  expect(ran.code).toBe(1);
  expect(ran.err).toContain("hub/config.json: max_position_embeddings is missing");
  expect(ran.err).toContain("--set max_position_embeddings=");
  const set = ["--set", "max_position_embeddings=128", "--set", "rope_parameters.rope_theta=500"];
  const given = await specc(["import", "hub", "-o", "in/model.arch", ...set], { cwd });
  expect([given.code, given.err]).toEqual([
    0,
    expect.stringContaining("without a meaning here: flavour"),
  ]);
  const text = readFileSync(join(cwd, "in", "model.arch"), "utf8");
  expect(text).toContain("context = 128");
  expect(text).toContain("rope(theta: 500)");
  const typo = await specc(["import", "hub", ...set, "--set", "rope_tehta=1"], { cwd });
  expect([typo.code, typo.err]).toEqual([2, expect.stringContaining("no such key")]);
});
test("all keys that are missing are named at once", async () => {
  const keys = { inner_iter: null, use_igate: null, inner_residual: null, outer_residual: null };
  const cwd = source("coe/checkpoint-c2", keys);
  const ran = await specc(["import", "hub"], { cwd });
  expect(ran.code).toBe(1);
  expect(ran.err).toMatchInlineSnapshot(`
    "error: hub/config.json: inner_iter, use_igate, inner_residual, outer_residual are missing
      give them with --set inner_iter=<whole number> --set use_igate=<true or false> --set inner_residual=<true or false> --set outer_residual=<true or false>
    "
  `);
  const options = ran.err
    .split("\n")
    .find((line) => line.includes("--set"))!
    .match(/--set \w+=/g)!
    .flatMap((option) => ["--set", `${option.slice(6)}${option.includes("iter") ? 2 : true}`]);
  const given = await specc(["import", "hub", "-o", "in/m.arch", ...options], { cwd });
  expect(given.code, given.err).toBe(0);
  expect(readFileSync(join(cwd, "in", "m.arch"), "utf8")).toContain("residual: both");
});
test("the authors' GPAS layout asks where the norms are", async () => {
  const cwd = source("gpas/checkpoint-pre_gpas");
  const asked = await specc(["import", "hub"], { cwd });
  expect([asked.code, asked.err]).toEqual([
    1,
    expect.stringMatching(/norm_type is missing.*\n.*--set norm_type=<pre\|/),
  ]);
  const set = (value: string, ...more: readonly string[]) =>
    specc(["import", "hub", "-o", `${value}/m.arch`, "--set", `norm_type=${value}`, ...more], {
      cwd,
    });
  expect((await set("pre_gpas")).err).toContain("left behind, a table that is computed");
  expect((await set("post_pre_gpas")).err).toContain("post_num is missing");
  expect((await set("post_pre_gpas", "--set", "post_num=1")).err).toContain(
    "missing: model.layers.0.post_feedforward_layernorm.weight",
  );
  expect((await set("pre")).err).toContain("not in the model: model.layers.0.gpas_block.gate");
  expect((await set("odd")).err).toContain('norm_type "odd" is none of');
});
test.each([
  [{ model_type: "bert" }, 'model_type "bert" is not known'],
  [{ hidden_act: "gelu" }, 'hidden_act is "gelu"'],
  [{ num_hidden_layers: 1e9 }, "num_hidden_layers is 1000000000: a model may have 1000 layers"],
  [{ num_hidden_layers: "two" }, 'num_hidden_layers is "two", expected a whole number'],
  [{ num_attention_heads: 5 }, "hidden_size is no multiple of num_attention_heads (5)"],
  [{ num_key_value_heads: 3 }, "is no model that specc can build"],
  [{ pad_token_id: 96 }, "pad_token_id is 96, outside of the vocabulary"],
  [{ rope_parameters: { rope_type: "spiral" } }, 'rope_parameters.rope_type "spiral" is not known'],
  [
    { rope_parameters: { rope_type: "linear", factor: 2, attn_factor: 2 } },
    "rope_parameters.attn_factor is no key of linear rotary positions that specc knows\n  --set rope_parameters.attn_factor=null leaves it out",
  ],
])("refuses %j", async (config, message) => {
  const ran = await specc(["import", "hub"], { cwd: source("hf/llama", config) });
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining(message)]);
});
test("what is no Hugging Face folder is told", async () => {
  const cwd = folder({
    "a/x": "",
    "b/config.json": "{}",
    "b/pytorch_model.bin": "",
    "c/config.json": "{",
  });
  const told = async (name: string): Promise<string> =>
    (await specc(["import", name], { cwd })).err;
  expect(await told("none")).toContain("no such folder: none");
  expect(await told("b/config.json")).toBe(
    "error: b/config.json is a file\n  import takes its folder: b\n",
  );
  expect(await told("a")).toContain("there is no config.json in it");
  expect(await told("b")).toContain("runs code when it is read");
  rmSync(join(cwd, "b", "pytorch_model.bin"));
  expect(await told("b")).toContain("no model.safetensors or model.safetensors.index.json");
});

const generate = (cwd: string, target: string): Promise<Ran> =>
  specc(
    ["generate", target, "--prompt", "Hi", "--greedy", "--tokens", "2", "--engine", "cpu", "-q"],
    { cwd },
  );
/** LLaMA's golden with another vocabulary, as zeros. */
const withVocabulary = (size: number): string => {
  const cwd = source("hf/llama", { vocab_size: size });
  const path = join(cwd, "hub", "model.safetensors");
  const table = { dtype: "f32", shape: [size, 32], data: new Float32Array(size * 32) } as const;
  replaceTensors(path, {
    ...tensorsOf(path),
    "model.embed_tokens.weight": table,
    "lm_head.weight": table,
  });
  return cwd;
};
test("a model without its tokenizer is told of, and is no model of bytes", async () => {
  const cwd = withVocabulary(512);
  expect((await specc(["import", "hub"], { cwd })).err).toContain(
    "no tokenizer.json: specc generate needs the model's own beside the weights\n",
  );
  const told = await specc(["import", "hub", "--json", "-q"], { cwd });
  expect(JSON.parse(told.out)).toMatchObject({
    notices: ["no tokenizer.json: specc generate needs the model's own beside the weights"],
  });
  const refused = await generate(cwd, "hub/model.arch");
  expect([refused.code, refused.out]).toEqual([1, ""]);
  expect(refused.err).toContain(
    "tokenizer.json: there is none beside the weights, and a vocabulary of 512 is not one of bytes",
  );
  expect(refused.err).toContain("put the model's own tokenizer.json there");
});
test("a model of bytes needs no tokenizer", async () => {
  for (const size of [256, 257]) {
    const cwd = withVocabulary(size);
    expect((await specc(["import", "hub"], { cwd })).err).not.toContain("tokenizer");
    const ran = await generate(cwd, "hub/model.arch");
    expect(ran.code, ran.err).toBe(0);
    expect(ran.err).not.toContain("tokenizer");
  }
});
test("a tokenizer of fewer tokens than the vocabulary is told of, and a damaged one", async () => {
  const cwd = withVocabulary(512);
  const path = join(cwd, "hub", "tokenizer.json");
  writeFileSync(path, bytesTokenizer.toJson());
  expect((await specc(["import", "hub"], { cwd })).err).toContain(
    "tokenizer.json has 256 tokens of the vocabulary's 512: the others are never generated\n",
  );
  expect((await generate(cwd, "hub/model.arch")).code).toBe(0);
  writeFileSync(path, "{");
  const damaged = await specc(["import", "hub"], { cwd });
  expect([damaged.code, damaged.err]).toEqual([
    0,
    expect.stringContaining("tokenizer.json: not JSON\n"),
  ]);
});
test("a folder named in place of its .arch file, or before it was imported, leads to that", async () => {
  const cwd = source("hf/llama");
  const before = await generate(cwd, "hub");
  expect([before.code, before.err]).toEqual([2, expect.stringContaining("specc import hub reads")]);
  await specc(["import", "hub"], { cwd });
  const after = await generate(cwd, "hub");
  expect([after.code, after.err]).toEqual([
    2,
    expect.stringContaining("did you mean hub/model.arch?"),
  ]);
  writeFileSync(join(cwd, "hub", "other.arch"), "spec 1\n");
  expect((await generate(cwd, "hub")).err).toContain("specc build FILE -o DIR makes one");
});
test("a folder as the place of the file leads to a file in it", async () => {
  const cwd = source("hf/llama");
  const ran = await specc(["import", "hub", "-o", "models/llama"], { cwd });
  expect([ran.code, ran.err]).toEqual([
    2,
    "error: models/llama is no .arch file\n  name the file, the weights go beside it: -o models/llama/model.arch\n",
  ]);
});
