// Bundles: valid against the published schema, the same bytes wherever they are built, unchanged files left alone, and usable
// without the compiler.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/compiler/emit/sha256.ts";
import { project, specc, TINY } from "../cli/run.ts";

const filesBelow = (root: string, prefix = ""): readonly string[] =>
  readdirSync(join(root, prefix), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) =>
      e.isDirectory() ? filesBelow(root, `${prefix}${e.name}/`) : [`${prefix}${e.name}`],
    );
const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
const build = async (cwd: string, ...args: readonly string[]): Promise<string> => {
  const { code, err } = await specc(["build", "model.arch", "-o", "out", ...args], { cwd });
  expect([code, err]).toEqual([0, expect.stringContaining("built Tiny")]);
  return join(cwd, "out");
};

describe("build", () => {
  test("the manifest validates, lists every file with its hash, and hides no path of this machine", async () => {
    const cwd = project();
    const out = await build(cwd);
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(
      json("schemas/manifest.schema.json") as object,
    );
    const manifest = json(join(out, "specc-manifest.json")) as {
      files: { path: string; sha256: string; bytes: number }[];
      places: Record<string, string>;
    };
    validate(manifest);
    expect(validate.errors).toBeNull();
    expect([...manifest.files.map((f) => f.path), "specc-manifest.json"].sort()).toEqual(
      [...filesBelow(out)].sort(),
    );
    for (const file of manifest.files)
      expect(sha256(new Uint8Array(readFileSync(join(out, file.path)))), file.path).toBe(
        file.sha256,
      );
    expect(manifest.places["blocks.1/attention"]).toMatch(/^model\.arch:\d+$/);
    for (const path of filesBelow(out))
      expect(readFileSync(join(out, path), "utf8").includes(cwd), path).toBe(false);
  });
  test("the schema refuses what is no manifest", async () => {
    const out = await build(project());
    const validate = new Ajv2020({ strict: true }).compile(
      json("schemas/manifest.schema.json") as object,
    );
    const manifest = json(join(out, "specc-manifest.json")) as Record<string, unknown>;
    expect(validate({ ...manifest, formatVersion: 2 })).toBe(false);
    expect(validate({ ...manifest, extra: 1 })).toBe(false);
    expect(
      validate({ ...manifest, files: [{ path: "../outside", sha256: "0".repeat(64), bytes: 1 }] }),
    ).toBe(false);
  });
  test("the schema knows the operands of each operator, and looks at each of them once", () => {
    const { $defs } = json("schemas/manifest.schema.json") as { readonly $defs: object };
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile({
      $ref: "#/$defs/scalar",
      $defs,
    });
    const step = { op: "step" };
    for (const good of [1, step, { op: "cos", x: step }, { op: "add", x: 1, y: step }])
      expect(validate(good), JSON.stringify(good)).toBe(true);
    for (const bad of [
      ...["1", null, {}, { x: 1 }, { op: "tan", x: 1 }, { ...step, x: 1 }, { op: "cos" }],
      { op: "cos", x: 1, y: 2 },
      { op: "add", x: 1 },
      { op: "add", x: 1, y: 2, then: 3 },
      { op: "less", x: 1, y: 2, then: 3 },
      { op: "mul", x: 2, y: { op: "cos", x: { op: "cos" } } },
    ])
      expect(validate(bad), JSON.stringify(bad)).toBe(false);
    let deep: object = step;
    for (let i = 0; i < 200; i++)
      deep = { op: "less", x: i, y: 1, then: i, else: { op: "add", x: deep, y: 1 } };
    expect(validate(deep)).toBe(true);
  });
  test("same input, same bytes, in another folder and from another working directory", async () => {
    const [a, b] = [project(), project()];
    const first = await build(a);
    const elsewhere = resolve(b, "..");
    const { code } = await specc(["build", join(b, "model.arch"), "-o", join(b, "out")], {
      cwd: elsewhere,
    });
    expect(code).toBe(0);
    const second = join(b, "out");
    expect(filesBelow(second)).toEqual(filesBelow(first));
    for (const path of filesBelow(first))
      expect(readFileSync(join(second, path)).equals(readFileSync(join(first, path))), path).toBe(
        true,
      );
  });
  test("building again writes nothing", async () => {
    const cwd = project();
    const out = await build(cwd);
    const before = filesBelow(out).map((path) => statSync(join(out, path)).mtimeMs);
    const { err } = await specc(["build", "model.arch", "-o", "out"], { cwd });
    expect(err).toContain(" 0 written");
    expect(filesBelow(out).map((path) => statSync(join(out, path)).mtimeMs)).toEqual(before);
  });
  test("carries nothing of our tests, and says what it needs and where its words come from", async () => {
    const cwd = project({ "package.json": "{}" });
    const { err } = await specc(["build", "model.arch", "-o", "my out"], { cwd });
    expect(err).toContain("before index.js is imported: cd 'my out' && npm install\n");
    const out = join(cwd, "my out");
    expect(filesBelow(out).filter((path) => path.includes(".test."))).toEqual([]);
    const card = readFileSync(join(out, "README.md"), "utf8");
    expect(card).toContain("tags: [specc, tfjs]\n");
    expect(card).toContain('createModel({ weights: "initial" })');
    // a process that finds no package of ours
    const text = `const { createModel } = await import(${JSON.stringify(pathToFileURL(join(out, "index.js")).href)});
      await createModel({ engine: "wasm" }).catch((error) => console.log(error.message));`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", text], { cwd });
    expect(String(ran.stdout)).toContain(
      "engine wasm: does not work here: TensorFlow.js is not installed: run npm install in the bundle's folder",
    );
    symlinkSync(resolve("node_modules"), join(out, "node_modules"));
    expect((await specc(["build", "model.arch", "-o", "my out"], { cwd })).err).not.toContain(
      "npm install",
    );
  });
  test("config.json claims LLaMA only for a LLaMA", async () => {
    const config = async (text: string): Promise<unknown> => {
      const { model_type } = json(
        join(await build(project({ "model.arch": text })), "config.json"),
      ) as { model_type: string };
      return model_type;
    };
    const llama = TINY.replace("    scaling   = gpas()\n", "").replace(
      "\n  blocks",
      "\n  final_norm = rmsnorm(eps: 1e-6)\n  blocks",
    );
    expect(await config(TINY)).toBe("specc");
    expect(await config(llama)).toBe("llama");
    expect(await config(llama.replace("pre(", "post("))).toBe("specc");
    expect(await config(llama.replace("swiglu", "geglu"))).toBe("specc");
  });
  test("--emit graph-model adds the GraphModels", async () => {
    const out = await build(project(), "--emit", "graph-model");
    expect(json(join(out, "graph-model/decode_step/model.json"))).toMatchObject({
      format: "graph-model",
    });
    expect(statSync(join(out, "graph-model/forward/group1-shard1of1.bin")).size).toBeGreaterThan(
      1000,
    );
  });
  test("an .arch file with mistakes builds nothing", async () => {
    const cwd = project({ "model.arch": TINY.replace("heads: 2", "heads: 3") });
    expect((await specc(["build", "model.arch", "-o", "out"], { cwd })).code).toBe(1);
    expect(existsSync(join(cwd, "out"))).toBe(false);
  });
  test("the module computes, generates and trains without the compiler", async () => {
    const out = await build(project());
    symlinkSync(resolve("node_modules"), join(out, "node_modules"));
    writeFileSync(
      join(out, "chat_template.jinja"),
      "{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}",
    );
    interface Model {
      forward(
        ids: readonly number[],
      ): Promise<{ logits: { shape: readonly number[]; data: Float32Array } }>;
      generate(prompt: string, options: object): Promise<string>;
      chatPrompt(messages: readonly object[]): Promise<string>;
      trainer(): { step(batch: object): Promise<{ step: number; loss: number }> };
      close(): Promise<void>;
    }
    const module = (await import(/* @vite-ignore */ pathToFileURL(join(out, "index.js")).href)) as {
      createModel(options: object): Promise<Model>;
    };
    const bare = await module.createModel({ engine: "cpu" });
    await expect(bare.generate("ab", { tokens: 1 })).rejects.toMatchObject({
      message: "model.safetensors: there are no weights: these are what a training begins with",
      help: expect.stringContaining('weights: "initial"') as string,
    });
    await bare.close();
    await expect(module.createModel({ weigths: "initial" })).rejects.toThrow(
      'createModel: there is no option "weigths"; did you mean "weights"?',
    );
    const model = await module.createModel({ engine: "cpu", weights: "initial" });
    const { logits } = await model.forward([1, 2, 3]);
    expect(logits.shape).toEqual([1, 3, 256]);
    expect(logits.data.every(Number.isFinite)).toBe(true);
    expect((await model.generate("ab", { tokens: 4, temperature: 0 })).length).toBeGreaterThan(0);
    expect(await model.chatPrompt([{ role: "user", content: "Hi" }])).toBe("user: Hi ");
    const rows = Array.from({ length: 4 }, (_r, r) =>
      Array.from({ length: 16 }, (_t, t) => 65 + ((r + t) % 8)),
    );
    const trainer = model.trainer();
    const losses: number[] = [];
    for (let i = 0; i < 5; i++)
      losses.push((await trainer.step({ input_ids: rows, targets: rows })).loss);
    expect(losses[0]).toBeCloseTo(Math.log(256), 1);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    await model.close();
  });
});
