// From a spec to weights and back: train, resume, interrupt, evaluate, generate.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Signal } from "../../src/cli/io.ts";
import { project, specc, TINY, until } from "./run.ts";

const rows = (file: string): readonly Record<string, number>[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as Record<string, number>);
const losses = (file: string): readonly number[] =>
  rows(file).flatMap((row) => row["train/loss"] ?? []);
const bytes = (file: string): Buffer => readFileSync(file);

describe("train", () => {
  test("bf16 is refused where no engine has it, with the smallest fix", async () => {
    const cwd = project();
    const run = (...args: string[]) => specc([...args, "--set", "precision = bf16"], { cwd });
    const { code, err } = await run("train", "model.arch", "--engine", "wasm");
    expect([code, err]).toEqual([1, expect.stringContaining("precision = bf16")]);
    expect(err).toContain("write precision = f32 in the recipe");
    const built = await run("build", "model.arch", "--engine", "tfjs", "--out-dir", "b");
    expect([built.code, built.err]).toEqual([2, expect.stringContaining("--engine tensorflow")]);
    const exported = await run("build", "model.arch", "--emit", "graph-model", "--out-dir", "b");
    expect([exported.code, exported.err]).toEqual([2, expect.stringContaining("graph model")]);
    expect((await run("build", "model.arch", "--out-dir", "b")).code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(cwd, "b/specc-manifest.json"), "utf8")) as object;
    expect(manifest).toMatchObject({
      engines: ["tensorflow"],
      numerics: { products: "bf16", tf32: false, deterministic: false },
    });
    // what is built is settled: its file and its weights are named apart
    const init = ["--engine", "wasm", "--set", "precision = f32", "--set", "length = 1 step"];
    expect((await specc(["train", "model.arch", "-q", "--out-dir", "f32", ...init], { cwd })).code).toBe(0); // prettier-ignore
    copyFileSync(join(cwd, "f32/model.safetensors"), join(cwd, "b/model.safetensors"));
    const settled = await specc(["eval", "b", "--engine", "wasm"], { cwd });
    expect(settled.code).toBe(1);
    expect(settled.err).toContain("specc eval FILE.arch --weights b --set 'precision = f32'");
    const trained = await specc(["train", "b", "--engine", "wasm"], { cwd });
    expect([trained.code, trained.err]).toEqual([1, expect.stringContaining("specc train FILE.arch --set 'precision = f32'")]); // prettier-ignore
    expect(trained.err).not.toContain("write precision");
    const apart = ["model.arch", "--weights", "b", "--engine", "wasm", "--set", "precision = f32"];
    expect((await specc(["eval", ...apart], { cwd })).code).toBe(0);
  });
  test("checkpoints change what is kept, not a bit of the losses", async () => {
    const cwd = project();
    const train = (out: string, ...args: string[]) =>
      specc(["train", "model.arch", "-q", "--out-dir", out, ...args], { cwd });
    expect((await train("kept")).code).toBe(0);
    expect((await train("again", "--set", "checkpoint = block")).code).toBe(0);
    expect(losses(join(cwd, "again/metrics.jsonl"))).toEqual(
      losses(join(cwd, "kept/metrics.jsonl")),
    );
    const inspected = JSON.parse(
      (await specc(["inspect", "model.arch", "--json"], { cwd })).out,
    ) as { bytes: { step: number; stepOtherwise: number } };
    expect(inspected.bytes.stepOtherwise).toBeLessThan(inspected.bytes.step);
  });
  test("a run remembers where its data lay, wherever it lies itself", async () => {
    const cwd = project();
    rmSync(join(cwd, "package.json"), { force: true });
    for (const out of ["runs/a/b", join(mkdtempSync(join(tmpdir(), "specc-run-")), "c")]) {
      const { code } = await specc(
        ["train", "model.arch", "-q", "--steps", "1", "--out-dir", out],
        { cwd },
      );
      expect(code).toBe(0);
      const evaluated = await specc(["eval", out, "-q"], { cwd });
      expect([evaluated.code, evaluated.out]).toEqual([
        0,
        expect.stringContaining("bits per byte"),
      ]);
    }
  });
  test("leaves a bundle with weights, metrics and a report, and says how good it is", async () => {
    const cwd = project();
    const { code, out, err } = await specc(["train", "model.arch"], { cwd });
    expect([code, err]).toEqual([0, expect.stringContaining("engine: wasm")]);
    expect(out).toMatch(/held-out text: \d\.\d+ bits per byte/);
    expect(err).toContain("step 6/6");
    const run = join(cwd, "runs/Train");
    for (const file of [
      "model.safetensors",
      "config.json",
      "tokenizer.json",
      "metrics.jsonl",
      "report.html",
      "index.js",
      "specc-manifest.json",
    ])
      expect(existsSync(join(run, file)), file).toBe(true);
    expect(losses(join(run, "metrics.jsonl"))).toHaveLength(6);
    expect(losses(join(run, "metrics.jsonl")).at(-1)).toBeLessThan(Math.log(256));

    const evaluated = await specc(["eval", "runs/Train", "--json", "-q"], { cwd });
    const { bitsPerByte } = JSON.parse(evaluated.out) as { bitsPerByte: number };
    expect(out).toContain(bitsPerByte.toFixed(2).slice(0, 3));
    expect(
      (
        await specc(
          ["eval", "model.arch", "--weights", "runs/Train/model.safetensors", "--json", "-q"],
          { cwd },
        )
      ).out,
    ).toContain(String(bitsPerByte));
    const generate = async (): Promise<string> =>
      (
        await specc(
          ["generate", "runs/Train", "--prompt", "The ", "--tokens", "12", "--seed", "3", "-q"],
          { cwd },
        )
      ).out;
    expect(await generate()).toMatch(/^The /);
    expect(await generate()).toBe(await generate());
    expect((await specc(["inspect", "runs/Train"], { cwd })).out).toContain("blocks[0 .. 2]");
  });
  test("running again moves the earlier run aside; --overwrite drops it", async () => {
    const cwd = project();
    await specc(["train", "model.arch", "-q"], { cwd });
    const first = bytes(join(cwd, "runs/Train/model.safetensors"));
    const again = await specc(["train", "model.arch"], { cwd });
    expect([again.code, again.err]).toEqual([0, expect.stringContaining("moved to runs/Train.1")]);
    expect(bytes(join(cwd, "runs/Train.1/model.safetensors")).equals(first)).toBe(true);
    expect(bytes(join(cwd, "runs/Train/model.safetensors")).equals(first)).toBe(true);
    await specc(["train", "model.arch", "--overwrite"], { cwd });
    expect(readdirSync(join(cwd, "runs")).sort()).toEqual(["Train", "Train.1"]);
  });
  test("Ctrl-C before the first step says that there is nothing to save", async () => {
    const { code, err } = await specc(["train", "model.arch"], {
      cwd: project(),
      signals: (send) => setImmediate(() => send("SIGINT")),
    });
    expect(code).toBe(130);
    expect(err).toContain("stopping before the first step (once more stops at once)\n");
    expect(err).toContain("interrupted before the first step: there is nothing to save\n");
    expect(err).not.toContain("a checkpoint is saved");
  });
  test("the folder of the run is told when the run begins, and of none that does not", async () => {
    const cwd = project();
    const refused = await specc(["train", "model.arch", "--weights", "nowhere"], { cwd });
    expect([refused.code, refused.err]).toEqual([2, expect.not.stringContaining("run: runs")]);
    rmSync(join(cwd, "data"), { recursive: true });
    const missing = await specc(["train", "model.arch"], { cwd });
    expect(missing.code).toBeGreaterThan(0);
    expect(missing.err).toContain("error: ");
    expect(missing.err).not.toContain("run: runs");
  });
  test("Ctrl-C saves and exits 130; resuming ends at the same weights as never stopping", async () => {
    const cwd = project();
    await specc(["train", "model.arch", "--out-dir", "straight", "-q"], { cwd });
    let send: ((signal: Signal) => void) | undefined;
    const interrupted = specc(["train", "model.arch", "--out-dir", "stopped"], {
      cwd,
      signals: (listener) => (send = listener),
    });
    const file = join(cwd, "stopped/metrics.jsonl");
    await until(() => existsSync(file) && losses(file).length >= 2, interrupted);
    send?.("SIGINT");
    const { code, err } = await interrupted;
    expect([code, err]).toEqual([130, expect.stringContaining("--resume-from-checkpoint latest")]);
    expect(
      (
        await specc(
          [
            "train",
            "model.arch",
            "--out-dir",
            "stopped",
            "--resume-from-checkpoint",
            "latest",
            "-q",
          ],
          { cwd },
        )
      ).code,
    ).toBe(0);
    expect(losses(file)).toEqual(losses(join(cwd, "straight/metrics.jsonl")));
    expect(
      bytes(join(cwd, "stopped/model.safetensors")).equals(
        bytes(join(cwd, "straight/model.safetensors")),
      ),
    ).toBe(true);
  });
  describe("--weights", () => {
    const evaluations = (file: string): readonly number[] =>
      rows(file).flatMap((row) => row["eval/loss"] ?? []);
    const llama = TINY.replace("    scaling   = gpas()\n", "");
    const train = (cwd: string, file: string, out: string, ...args: readonly string[]) =>
      specc(["train", file, "--engine", "wasm", "--out-dir", out, ...args], { cwd });

    test("begins where a file, a run, a checkpoint or an imported model ended", async () => {
      const cwd = project({ "model.arch": llama });
      expect((await train(cwd, "model.arch", "a", "-q")).code).toBe(0);
      const end = evaluations(join(cwd, "a/metrics.jsonl")).at(-1)!;
      for (const weights of ["a/model.safetensors", "a", "a/checkpoint-6"]) {
        const ran = await train(cwd, "model.arch", "b", "--overwrite", "--weights", weights);
        expect([ran.code, ran.err]).toEqual([
          0,
          expect.stringMatching(/beginning with a\/(checkpoint-6\/)?model\.safetensors\n/),
        ]);
        expect(evaluations(join(cwd, "b/metrics.jsonl"))[0]).toBe(end);
      }
      const header = JSON.parse(readFileSync(join(cwd, "b/metrics.jsonl"), "utf8").split("\n")[0]!) as object; // prettier-ignore
      const from = join(cwd, "a/checkpoint-6/model.safetensors");
      expect(header).toMatchObject({ config: { weights: from } });
      expect(readFileSync(join(cwd, "b/report.html"), "utf8")).toContain(from);
      // a resumed run still says so
      await train(cwd, "model.arch", "c", "-q", "--weights", "a", "--steps", "2");
      await train(cwd, "model.arch", "c", "-q", "--resume-from-checkpoint", "latest");
      expect(readFileSync(join(cwd, "c/metrics.jsonl"), "utf8").split("\n")[0]).toContain(
        join(cwd, "a/model.safetensors"),
      );

      await specc(["export", "a", "-o", "hub", "-q"], { cwd });
      const imported = await specc(["import", "hub", "-o", "in/model.arch", "--name", "Hub"], {
        cwd,
      });
      expect(imported.code, imported.err).toBe(0);
      const recipe = llama.slice(llama.indexOf("recipe")).replace("for Tiny", "for Hub");
      writeFileSync(
        join(cwd, "tune.arch"),
        `spec 1\nimport { Hub } from "./in/model.arch"\n${recipe}`,
      );
      const tuned = await train(cwd, "tune.arch", "d", "-q", "--weights", "in");
      expect(tuned.code, tuned.err).toBe(0);
      expect(evaluations(join(cwd, "d/metrics.jsonl"))[0]).toBeCloseTo(end, 6);
    });
    test("weights of another model, and none at all, stop before anything is written", async () => {
      const cwd = project({ "model.arch": llama, "other.arch": TINY });
      await train(cwd, "other.arch", "a", "-q");
      const refused = async (...args: readonly string[]): Promise<readonly [number, string]> => {
        const { code, err } = await train(cwd, "model.arch", "b", "-q", ...args);
        expect(existsSync(join(cwd, "b"))).toBe(false);
        return [code, err];
      };
      expect(await refused("--weights", "a")).toEqual([
        1,
        expect.stringMatching(
          /a\/model\.safetensors: does not fit the model: not in the model: model\.layers\.0\.gpas_block\.gate, .*\n.*specc import/,
        ),
      ]);
      const wide = await refused("--weights", "a", "--set", "hidden_size = 32");
      expect(wide[1]).toContain("is [256, 16] here and [256, 32] in the model");
      expect(await refused("--weights", "none")).toEqual([
        2,
        expect.stringContaining("no such file or folder: none"),
      ]);
      expect((await refused("--weights", "data"))[1]).toContain("data holds no weights");
      expect((await refused("--weights", "a", "--resume-from-checkpoint", "latest"))[1]).toContain(
        "not with --weights",
      );
      const own = await train(cwd, "other.arch", "a", "--weights", "a");
      expect([own.code, own.err]).toEqual([
        2,
        expect.stringContaining("lies in the folder of the"),
      ]);
    });
  });
  test("a bundle trains as its spec does", async () => {
    const cwd = project();
    await specc(["train", "model.arch", "-q", "--out-dir", "a"], { cwd });
    await specc(["build", "model.arch", "-o", "built", "-q"], { cwd });
    expect((await specc(["train", "built", "-q", "--out-dir", "b"], { cwd })).code).toBe(0);
    expect(
      bytes(join(cwd, "b/model.safetensors")).equals(bytes(join(cwd, "a/model.safetensors"))),
    ).toBe(true);
    expect((await specc(["train", "built", "--set", "seed=1"], { cwd })).err).toContain(
      "needs an .arch file",
    );
  });
  test("--json names places as people type them; a text of three bytes is trained on with a warning", async () => {
    const cwd = project({
      "model.arch": TINY.replace("6 steps", "1 steps"),
      "data/text.txt": "abc",
    });
    const { code, out, err } = await specc(["train", "model.arch", "--engine", "cpu", "--json"], {
      cwd,
    });
    expect(JSON.parse(out)).toMatchObject({
      run: "runs/Train",
      checkpoint: "runs/Train/checkpoint-1",
      report: "runs/Train/report.html",
      seed: 42,
    });
    expect([code, err]).toEqual([
      0,
      expect.stringContaining("warning: the training text has 3 tokens"),
    ]);
    expect(err).toContain(": 1 step of 4 × 16 = 64 tokens");
    expect(err).not.toContain("tfjs-node");
    expect(readFileSync(join(cwd, "runs/Train/report.html"), "utf8")).toContain(
      "the last 2 are kept",
    );
  });
  test("--set, --seed and --steps change what they name", async () => {
    const cwd = project();
    const run = async (name: string, ...args: readonly string[]): Promise<readonly number[]> => {
      expect(
        (await specc(["train", "model.arch", "-q", "--out-dir", name, ...args], { cwd })).code,
      ).toBe(0);
      return losses(join(cwd, name, "metrics.jsonl"));
    };
    const plain = await run("plain");
    expect(await run("short", "--steps", "3")).toEqual(plain.slice(0, 3));
    expect(await run("set", "--set", "length=3 steps")).toHaveLength(3);
    expect((await run("seed", "--seed", "7"))[0]).not.toBe(plain[0]);
  });
  test("missing data, foreign folders and foreign checkpoints stop before anything is written", async () => {
    const cwd = project({
      "model.arch": TINY.replace("data/*.txt", "none/*.txt"),
      "taken/package.json": "{}",
    });
    const missing = await specc(["train", "model.arch"], { cwd });
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("none/*.txt")]);
    expect((await specc(["train", "model.arch", "--out-dir", "taken"], { cwd })).err).toContain(
      "specc has not made",
    );
    expect(
      (
        await specc(
          ["train", "model.arch", "--out-dir", "new", "--resume-from-checkpoint", "latest"],
          { cwd },
        )
      ).code,
    ).not.toBe(0);
    expect(
      (await specc(["train", "model.arch", "--resume-from-checkpoint", "gone"], { cwd })).err,
    ).toContain("no such checkpoint: gone");
  });
  test.each(["wasm", "cpu"])("a model that no memory holds is told on %s", async (engine) => {
    const cwd = project();
    const set = ["--set", "hidden_size=40000000", "--set", "blocks.attention.head_dim=2"];
    const { code, err } = await specc(["train", "model.arch", "--engine", engine, ...set], { cwd });
    expect(code).toBe(1);
    expect(err).toContain(`error: ${engine}: there is no memory for a tensor of `);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
  test("without weights, eval and generate say where they come from", async () => {
    const cwd = project();
    for (const command of [
      ["eval", "model.arch"],
      ["generate", "model.arch", "--prompt", "x"],
    ])
      expect(await specc(command, { cwd })).toMatchObject({
        code: 2,
        err: expect.stringContaining("no weights") as string,
      });
    // a run that was stopped has those of its checkpoints
    expect((await specc(["train", "model.arch", "-q", "--out-dir", "r"], { cwd })).code).toBe(0);
    rmSync(join(cwd, "r/model.safetensors"));
    const { err } = await specc(["eval", "r"], { cwd });
    expect(err).toContain("there is no model.safetensors in r\n");
    const [, weights = ""] = /--weights (\S+)/.exec(err) ?? [];
    expect(weights).toMatch(/^r\/checkpoint-\d+$/);
    expect((await specc(["eval", "r", "-q", "--weights", weights], { cwd })).code).toBe(0);
  });
});
