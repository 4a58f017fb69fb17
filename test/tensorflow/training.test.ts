// Training on the tensorflow engine is the training that wasm does: the same start, losses that follow, runs that stop on one
// engine and go on with the other, bundles that take either; and the same run always gives the same bits.
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import type { Signal } from "../../src/cli/io.ts";
import { specc, until } from "../cli/run.ts";
import { losses, missing, rows, run, STEPS, trainingProject } from "./here.ts";

const close = (a: readonly number[], b: readonly number[], bound = 1e-4): void => {
  expect(a).toHaveLength(b.length);
  a.forEach((x, i) => expect(Math.abs(x - b[i]!), `step ${i + 1}`).toBeLessThan(bound));
};
const train = async (cwd: string, out: string, ...more: readonly string[]): Promise<string> => {
  const { code, err } = await run(cwd, "train", "model.arch", "--out-dir", out, ...more);
  expect(code, err).toBe(0);
  return err;
};
const weights = (cwd: string, out: string): Buffer =>
  readFileSync(join(cwd, out, "model.safetensors"));
const tensorsOf = (file: string): ReturnType<typeof readSafetensors>["tensors"] =>
  readSafetensors(new Uint8Array(readFileSync(file))).tensors;

describe.skipIf(missing !== undefined)("training on tensorflow", () => {
  const cwd = (): string => trainingProject();
  test.each([
    ["in one pass", "batch = 4 sequences"],
    ["in four passes at once", "batch = 8 sequences\n  micro = 2 sequences"],
  ])("follows wasm for 50 steps, %s, and keeps its buffers", async (_, batch) => {
    const folder = trainingProject(batch);
    await train(folder, "wasm", "--engine", "wasm");
    const told = await train(folder, "tf", "--engine", "tensorflow");
    expect(told).toMatch(/engine: tensorflow, TensorFlow 2\.\d+\.\d+ on the (CPU|GPU)/);
    expect(losses(folder, "tf")).toHaveLength(STEPS);
    close(losses(folder, "tf"), losses(folder, "wasm"));
    const buffers = rows(folder, "tf").flatMap((row) => row["memory/num_tensors"] ?? []);
    expect(new Set(buffers).size, buffers.join(" ")).toBe(1);
  });

  test("auto takes it, and begins with the bits that wasm begins with", async () => {
    const folder = cwd();
    // too small a rate to move anything
    const still = ["--set", "optimizer=sgd(lr: 1e-30)", "--steps", "1"];
    expect(await train(folder, "tf", ...still)).toContain("engine: tensorflow");
    await train(folder, "wasm", "--engine", "wasm", ...still);
    expect(weights(folder, "tf").equals(weights(folder, "wasm"))).toBe(true);
  });

  test("the same run gives the same bits, also in two parts", async () => {
    const folder = cwd();
    const on = ["--engine", "tensorflow"];
    await train(folder, "straight", ...on);
    await train(folder, "parts", ...on, "--steps", "23");
    await train(folder, "parts", ...on, "--resume-from-checkpoint", "latest");
    expect(losses(folder, "parts")).toEqual(losses(folder, "straight"));
    expect(weights(folder, "parts").equals(weights(folder, "straight"))).toBe(true);
  });

  test("a long training is compiled, and gives the same bits in two parts as well", async () => {
    const folder = cwd();
    const long = ["--engine", "tensorflow", "--set", "length=100_000_000 steps"];
    const told = await train(folder, "straight", ...long, "--steps", "12");
    expect(told).toMatch(/on the (CPU|GPU), compiled by XLA/);
    await train(folder, "parts", ...long, "--steps", "5");
    await train(folder, "parts", ...long, "--steps", "12", "--resume-from-checkpoint", "latest");
    expect(losses(folder, "parts")).toEqual(losses(folder, "straight"));
    expect(weights(folder, "parts").equals(weights(folder, "straight"))).toBe(true);
  });

  test.each([
    ["wasm", "tensorflow"],
    ["tensorflow", "wasm"],
  ])("a run stops on %s and goes on with %s", async (first, second) => {
    const folder = cwd();
    await train(folder, "straight", "--engine", first);
    await train(folder, "both", "--engine", first, "--steps", "20");
    await train(folder, "both", "--engine", second, "--resume-from-checkpoint", "latest");
    close(losses(folder, "both"), losses(folder, "straight"));
  });

  test("Ctrl-C saves and exits 130; what follows is as if it had not been", async () => {
    const folder = cwd();
    await train(folder, "straight", "--engine", "tensorflow");
    let send: ((signal: Signal) => void) | undefined;
    const argv = ["train", "model.arch", "--out-dir", "stopped", "--engine", "tensorflow"];
    const running = specc(argv, {
      cwd: folder,
      env: process.env,
      signals: (listener) => (send = listener),
    });
    const begun = (): boolean => {
      try {
        return losses(folder, "stopped").length >= 2;
      } catch {
        return false;
      }
    };
    await until(begun, running);
    send?.("SIGINT");
    expect((await running).code).toBe(130);
    await train(folder, "stopped", "--engine", "tensorflow", "--resume-from-checkpoint", "latest");
    expect(losses(folder, "stopped")).toEqual(losses(folder, "straight"));
  });

  test("a step that is not finite names its node and the line in the file", async () => {
    const folder = cwd();
    const argv = ["--engine", "tensorflow", "--set", "optimizer=sgd(lr: 1e30)"];
    const { code, err } = await run(folder, "train", "model.arch", ...argv);
    expect([code, err]).toEqual([1, expect.stringMatching(/first in [\w./]+ \(model\.arch:\d+\)/)]);
  });

  test("weights trained on one engine evaluate, generate and differentiate alike on the other", async () => {
    const folder = cwd();
    await train(folder, "run", "--engine", "tensorflow");
    const on = async (engine: string, ...argv: readonly string[]): Promise<string> => {
      const { code, out, err } = await run(folder, ...argv, "--engine", engine, "-q");
      expect(code, err).toBe(0);
      return out;
    };
    const evaluated = async (engine: string): Promise<number> =>
      (JSON.parse(await on(engine, "eval", "run", "--json")) as { loss: number }).loss;
    expect(Math.abs((await evaluated("tensorflow")) - (await evaluated("wasm")))).toBeLessThan(
      1e-5,
    );
    const generate = ["generate", "run", "--prompt", "The quick ", "--greedy", "--tokens", "20"];
    expect(await on("tensorflow", ...generate)).toBe(await on("wasm", ...generate));
    const data = Int32Array.of(84, 104, 101, 32, 99);
    const input_ids: HostTensor = { dtype: "i32", shape: [1, 5], data };
    writeFileSync(join(folder, "in.safetensors"), writeSafetensors({ input_ids }));
    for (const engine of ["tensorflow", "wasm"])
      await on(engine, "forward", "run", "--grad", "--inputs", "in.safetensors", "--out", engine);
    const wanted = tensorsOf(join(folder, "wasm"));
    for (const [name, { data }] of Object.entries(tensorsOf(join(folder, "tensorflow"))))
      data.forEach((x, i) => expect(x, `${name}[${i}]`).toBeCloseTo(wanted[name]!.data[i]!, 4));
  });
});

describe.skipIf(missing !== undefined)("sparse training on tensorflow", () => {
  const SPARSE = "micro = 2 sequences\n  sparsity { * => fixed(density: 0.5) }";
  const masksOf = (folder: string, out: string): ReturnType<typeof tensorsOf> =>
    Object.fromEntries(
      Object.entries(tensorsOf(join(folder, out, "optimizer.safetensors"))).filter(([name]) =>
        name.endsWith("/mask"),
      ),
    );
  const expectZeros = (folder: string, out: string): void => {
    const stored = tensorsOf(join(folder, out, "model.safetensors"));
    const masks = Object.entries(masksOf(folder, out));
    expect(masks.length).toBeGreaterThan(10);
    for (const [name, mask] of masks) {
      const { data } = stored[name.replace("/mask", "")]!;
      expect(
        data.every((x, i) => (x === 0) === (mask.data[i] === 0)),
        name,
      ).toBe(true);
    }
  };
  test("has the masks of wasm, and goes on from them", async () => {
    const folder = trainingProject(`batch = 4 sequences\n  ${SPARSE}`);
    await train(folder, "wasm", "--engine", "wasm");
    await train(folder, "tf", "--engine", "tensorflow", "--steps", "20");
    expect(masksOf(folder, "tf/checkpoint-20")).toEqual(masksOf(folder, "wasm/checkpoint-50"));
    for (const out of ["tf/checkpoint-20", "wasm/checkpoint-50"]) expectZeros(folder, out);
    await train(folder, "tf", "--engine", "wasm", "--resume-from-checkpoint", "latest");
    close(losses(folder, "tf"), losses(folder, "wasm"));
  });
  test("keeps zeros in bf16, through blocks computed again and a clip", async () => {
    const folder = trainingProject(
      `batch = 4 sequences\n  ${SPARSE}\n  precision = bf16\n  checkpoint = block\n  clip = global_norm(0.5)`,
    );
    await train(folder, "run", "--engine", "tensorflow", "--steps", "10");
    expectZeros(folder, "run/checkpoint-10");
  });
});

describe.skipIf(missing !== undefined)("bundles for tensorflow", () => {
  test("train, and open from a program, without the compiler", async () => {
    const folder = trainingProject("batch = 8 sequences\n  micro = 4 sequences");
    await train(folder, "straight", "--engine", "tensorflow");
    for (const forms of ["tfjs,tensorflow", "tensorflow"]) {
      const built = await run(folder, "build", "model.arch", "-o", forms, "--engine", forms, "-q");
      expect(built.code, built.err).toBe(0);
      const trained = await run(folder, "train", forms, "--out-dir", `${forms}-run`);
      expect([trained.code, trained.err]).toEqual([0, expect.stringContaining("tensorflow")]);
      expect(losses(folder, `${forms}-run`)).toEqual(losses(folder, "straight"));
    }
    const refused = await run(folder, "train", "tensorflow", "--engine", "wasm", "--overwrite");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("built without it")]);
  });
  test("a bundle's own module takes the engine by its name", async () => {
    const folder = trainingProject();
    await run(folder, "build", "model.arch", "-o", "out", "-q");
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "out/node_modules"));
    interface Bundle {
      createModel(options: { engine: string; seed: number }): Promise<{
        readonly engine: string;
        forward(
          ids: readonly number[],
        ): Promise<{ readonly logits: { readonly data: Float32Array } }>;
        close(): Promise<void>;
      }>;
    }
    const { href } = pathToFileURL(join(folder, "out/index.js"));
    const bundle = (await import(href)) as Bundle;
    const logits: Float32Array[] = [];
    for (const engine of ["tensorflow", "wasm"]) {
      const model = await bundle.createModel({ engine, seed: 3 });
      expect(model.engine).toBe(engine);
      logits.push((await model.forward([1, 2, 3])).logits.data);
      await model.close();
    }
    logits[0]!.forEach((x, i) => expect(x).toBeCloseTo(logits[1]![i]!, 4));
  });
});
