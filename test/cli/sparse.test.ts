// A sparse training as users have it, from the command line and from a program: its masks in checkpoints, its zeros in every file
// of weights.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensors } from "../../src/bundle/safetensors.ts";
import type { HostTensor, Tensors } from "../../src/bundle/tensor.ts";
import { cpuEngine, createModel, type Model } from "../../src/runtime/index.ts";
import { nodeHost, openBundle } from "../../src/runtime/node/index.ts";
import { project, specc, TINY } from "./run.ts";

const SPARSE = TINY.replace("    scaling   = gpas()\n", "")
  .replace("  length    = 6 steps\n", "  length = 6 steps\n  save_every = 3 steps\n  sparsity { * => fixed(density: 0.5) }\n")
  .replace("  blocks 2", "  trails = split(heads: 2, blocks_in_head: 1)\n  blocks 2"); // prettier-ignore

const tensorsOf = (cwd: string, file: string): Tensors =>
  readSafetensors(readFileSync(join(cwd, file))).tensors;
const names = (tensors: Tensors): readonly string[] =>
  Object.keys(tensors).filter((name) => name.endsWith("/mask"));

/** How many zeros there are where a mask is false, and elsewhere. */
const zeros = (weights: Tensors, masks: Tensors): readonly [masked: number, other: number] =>
  names(masks).reduce<readonly [number, number]>(
    (counts, name) => {
      const { data } = weights[name.replace("/mask", "")]!;
      const { data: mask, dtype } = masks[name]!;
      expect([dtype, mask.length]).toEqual(["bool", data.length]);
      const at = Array.from(data).flatMap((x, i) => (x === 0 ? [mask[i]!] : []));
      expect(at.filter((kept) => kept === 0)).toHaveLength(mask.filter((kept) => kept === 0).length); // prettier-ignore
      return [counts[0] + at.filter((kept) => kept === 0).length, counts[1] + at.filter((kept) => kept === 1).length]; // prettier-ignore
    },
    [0, 0],
  );

test("weights are zero where the checkpoint's masks say so, and a run that goes on repeats every bit", async () => {
  const cwd = project({ "model.arch": SPARSE });
  const run = (...args: string[]) => specc([...args, "--engine", "cpu"], { cwd });
  const train = (...args: string[]) => run("train", "model.arch", "-q", ...args);
  expect(await train("--out-dir", "a")).toMatchObject({ code: 0 });
  const masks = tensorsOf(cwd, "a/checkpoint-6/optimizer.safetensors");
  expect(names(masks)).toContain("heads.1.model.layers.1.mlp.up_proj.weight/mask");
  const weights = tensorsOf(cwd, "a/model.safetensors");
  const [masked, other] = zeros(weights, masks);
  expect(masked).toBeGreaterThan(5000);
  expect(other).toBe(0);
  for (const slot of ["exp_avg", "exp_avg_sq"]) {
    const { data } = masks[`model.embed_tokens.weight/${slot}`]!;
    const kept = masks["model.embed_tokens.weight/mask"]!.data;
    expect(Array.from(data).every((x, i) => kept[i] === 1 || Math.abs(x) === 0)).toBe(true);
  }

  const from = "a/checkpoint-3";
  expect(await train("--out-dir", "b", "--resume-from-checkpoint", from)).toMatchObject({
    code: 0,
  });
  expect(readFileSync(join(cwd, "b/model.safetensors"))).toEqual(
    readFileSync(join(cwd, "a/model.safetensors")),
  );

  // another seed has other masks, which take what they do not keep; what is evaluated is what was trained
  expect(await train("--out-dir", "c", "--weights", "a", "--seed", "7")).toMatchObject({ code: 0 });
  const others = tensorsOf(cwd, "c/checkpoint-6/optimizer.safetensors");
  const [taken] = zeros(tensorsOf(cwd, "c/model.safetensors"), others);
  expect(taken).toBeGreaterThan(5000);
  expect(others["model.embed_tokens.weight/mask"]).not.toEqual(
    masks["model.embed_tokens.weight/mask"],
  );
  const evaluated = async (folder: string): Promise<string> =>
    (await run("eval", folder, "--json")).out;
  const { loss } = JSON.parse(await evaluated("c")) as { loss: number };
  const last = readFileSync(join(cwd, "c/metrics.jsonl"), "utf8").trim().split("\n").at(-1)!;
  expect((JSON.parse(last) as Record<string, number>)["eval/loss"]).toBeCloseTo(loss, 5);
});

test("what the masks keep is told where the training begins, as inspect counts it", async () => {
  const cwd = project({ "model.arch": SPARSE });
  const inspected = await specc(["inspect", "model.arch", "--json"], { cwd });
  const { parameters, unmasked } = JSON.parse(inspected.out) as Record<string, number>;
  expect(unmasked).toBeLessThan(parameters!);
  const { err } = await specc(["train", "model.arch", "--steps", "1", "--engine", "cpu"], { cwd });
  const [kept, all] = [unmasked!, parameters!].map((n) => n.toLocaleString("en-US"));
  expect(err).toContain(`(${kept} of ${all} parameters kept) by`);
  const [header = ""] = readFileSync(join(cwd, "runs/Train/metrics.jsonl"), "utf8").split("\n");
  expect(JSON.parse(header)).toMatchObject({ kept_parameters: unmasked });
});

test("a program's own steps begin with what the masks leave of given weights", async () => {
  const cwd = project({ "model.arch": SPARSE });
  const [dense, sparse] = ["density: 1", "density: 0.5"].map((density, i) => {
    writeFileSync(join(cwd, `${i}.arch`), SPARSE.replace("density: 0.5", density));
    return join(cwd, `bundle-${i}`);
  });
  for (const i of [0, 1])
    expect(await specc(["build", `${i}.arch`, "-o", `bundle-${i}`, "-q"], { cwd })).toMatchObject({ code: 0 }); // prettier-ignore
  const open = async (folder: string, weights: "initial" | Uint8Array): Promise<Model> =>
    createModel({
      ...{ bundle: await openBundle(folder), host: nodeHost({ root: cwd }), weights },
      engine: cpuEngine(),
    });
  const whole = await open(dense!, "initial");
  const given = await whole.saveWeights();
  await whole.close();

  const model = await open(sparse!, given);
  const name = "heads.0.head.weight";
  const held = async (): Promise<Tensors> => model.session.readState([name, `${name}/mask`]);
  const countOf = ({ data }: HostTensor): number => data.filter((x) => x === 0).length;
  // nothing is taken from weights that are only used
  expect(countOf((await held())[name]!)).toBe(0);
  const row = Array.from({ length: 16 }, (_, t) => 65 + t);
  const batch = { input_ids: [row, row, row, row], targets: [row, row, row, row] };
  const trainer = model.trainer();
  for (let step = 0; step < 2; step += 1) {
    await trainer.step(batch);
    const { [name]: weights, [`${name}/mask`]: mask } = await held();
    expect(weights!.data.map((x) => (x === 0 ? 0 : 1))).toEqual(Float32Array.from(mask!.data));
  }
  await model.close();
});

test("inspect counts what masks leave of trunk and heads", async () => {
  const rules = "embedding => none heads[0].* => fixed(density: 0.75) * => fixed(density: 0.5)";
  const cwd = project({ "model.arch": SPARSE.replace("* => fixed(density: 0.5)", rules) });
  const { out } = await specc(["inspect", "model.arch"], { cwd });
  // embedding 4096, two norms and 4 · 16² + 3 · 16 · 24 in a block, final norm 16, head 4096
  const [norms, block, head] = [32, 2176, 4096];
  const [part, rest] = [norms + 16, block + head];
  const share = (kept: number, all: number): string => (kept / all).toFixed(4);
  const summary = JSON.parse((await specc(["inspect", "model.arch", "--json"], { cwd })).out) as {
    readonly parameters: number;
    readonly unmasked: number;
    readonly density: number;
    readonly branches: readonly { name: string; parameters: number; unmasked: number }[];
  };
  const { branches, parameters, unmasked, density } = summary;
  expect(branches.map(({ name }) => name)).toEqual(["trunk", "heads.0", "heads.1"]);
  expect(branches.map((b) => b.parameters)).toEqual([4096 + 32 + block, part + rest, part + rest]);
  expect(branches[1]!.unmasked).toBe(part + 0.75 * rest);
  // trunk and head 1 share what the last rule pays for
  const shared = branches[0]!.unmasked + branches[2]!.unmasked;
  expect(shared).toBe(4096 + 32 + part + 0.5 * (2 * block + head));
  expect(unmasked).toBe(shared + branches[1]!.unmasked);
  expect(density).toBeCloseTo(unmasked / parameters, 12);
  const whole = part + rest;
  expect(out).toContain(
    `heads.0: ${(part + 0.75 * rest).toLocaleString("en")} not masked, density ${share(part + 0.75 * rest, whole)}`,
  );
  expect(out).toMatch(/^embedding +256×16 +4,096 +1\.0000/m);
  expect(out).toMatch(/^heads\.1\.head +256×16 +4,096 +0\.\d{4}/m);
  expect(out).toMatch(/^masks +[\d.]+ KiB +of sparse weights$/m);

  // and the picture tells it where it draws them
  await specc(["inspect", "model.arch", "--svg", "m.svg"], { cwd });
  const svg = readFileSync(join(cwd, "m.svg"), "utf8");
  const told = (name: string): string => {
    const branch = branches.find((b) => b.name === name)!;
    return `${branch.parameters.toLocaleString("en-US")} parameters${name === "trunk" ? " in the trunk" : ""} · density ${(branch.unmasked / branch.parameters).toFixed(4)}<`;
  };
  for (const { name } of branches) expect(svg).toContain(told(name));
  expect(svg).toMatch(/>blocks\.0<\/text><text [^>]*>density 0\.\d{4}</);
  expect(svg.match(/>blocks\.1<\/text><text [^>]*>density 0\.\d{4}</g)).toHaveLength(2);
  expect(svg).toMatch(/>16 × 256 · density 0\.\d{4}</);
  expect(svg).toContain(">256 × 16<");
});
