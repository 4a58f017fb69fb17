// What trainings recorded, from the recipe's probes to tables and pictures; and folders that hold no training.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { project, specc, TINY } from "./run.ts";

type Row = Readonly<Record<string, number>>;
const rowsOf = (cwd: string, run: string): readonly Row[] =>
  readFileSync(join(cwd, run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as Row)
    .filter((row) => "train/loss" in row);
const PROBED = TINY.replace(
  "length    = 6 steps",
  "length    = 6 steps\n  probes    = per_block(every: 3 steps)",
);
const train = (cwd: string, out: string, ...args: readonly string[]) =>
  specc(["train", "model.arch", "-q", "--engine", "wasm", "--out-dir", out, ...args], { cwd });

describe("probes in a training", () => {
  test("the first step measures, then every third; losses are those without", async () => {
    const cwd = project({ "model.arch": PROBED });
    for (const args of [
      ["--set", "probes = none"],
      [],
      ["--set", "micro = 2 sequences"],
      ["--set", "micro = 2 sequences", "--set", "probes = none"],
    ])
      expect((await train(cwd, `run${args.length}${args.at(-1) ?? ""}`, ...args)).code).toBe(0);
    const [plain, probed, parts, plainParts] = [
      "run2probes = none",
      "run0",
      "run2micro = 2 sequences",
      "run4probes = none",
    ].map((run) => rowsOf(cwd, run));
    const losses = (rows: readonly Row[] | undefined) => rows?.map((row) => row["train/loss"]);
    expect(losses(probed)).toEqual(losses(plain));
    expect(losses(parts)).toEqual(losses(plainParts));
    const measured = (row: Row): readonly string[] =>
      Object.keys(row).filter((key) => /^probes\/(activation|gradient)/.test(key));
    for (const rows of [probed!, parts!])
      expect(rows.filter((row) => measured(row).length > 0).map((row) => row["step"])).toEqual([
        1, 3, 6,
      ]);
    // the state of the first step is the same, so is what is measured of the batch
    for (const key of measured(probed![0]!))
      expect(parts![0]![key]! / probed![0]![key]!, key).toBeCloseTo(1, 3);
    expect(measured(probed![0]!)).toEqual(
      expect.arrayContaining([
        "probes/activation_variance/embedding",
        "probes/activation_variance/blocks.0.gpas.attention",
        "probes/activation_gradient_norm/blocks.1",
        "probes/gradient_norm/head",
      ]),
    );
    expect(Object.keys(plain![0]!)).toContain("probes/gates/blocks.0.gpas.gate");
    const report = readFileSync(join(cwd, "run0/report.html"), "utf8");
    expect(report).toContain("Activation variance over depth and training");
    expect(report).toContain("blocks.1, step 6:");
  });
  test("a run that is resumed measures at the same steps", async () => {
    const cwd = project({
      "model.arch": PROBED.replace("length ", "save_every = 2 steps\n  length "),
    });
    await train(cwd, "whole");
    await train(cwd, "parts", "--steps", "4");
    const resumed = await train(cwd, "parts", "--resume-from-checkpoint", "latest");
    expect(resumed.code).toBe(0);
    const told = (run: string) =>
      rowsOf(cwd, run).map((row) => [row["step"], row["probes/gradient_norm/head"]]);
    expect(told("parts")).toEqual(told("whole"));
  });
});

describe("inspect --run", () => {
  test("one run: how its numbers went, and what stands where", async () => {
    const cwd = project({ "model.arch": PROBED });
    await train(cwd, "runs/a");
    const { code, out } = await specc(["inspect", "--run", "runs/a"], { cwd });
    expect(code).toBe(0);
    expect(out).toContain("runs/a  Tiny by Train, 6 steps, engine wasm, seed 42");
    expect(out).toMatch(/train\/loss +5\.\d+ +\d\.\d+ +\d\.\d+ +5\.\d+ +[▁-█]{6}\n/);
    expect(out).toMatch(/over depth, step 6 .*activation_variance/);
    expect(out).toMatch(/\nblocks\.1 +\S+/);

    const json = await specc(["inspect", "--run", "runs/a", "--json"], { cwd });
    const data = JSON.parse(json.out) as {
      runs: { steps: number; depth: Record<string, { step: number; values: Row }> }[];
    };
    const last = rowsOf(cwd, "runs/a").at(-1)!;
    expect(data.runs[0]).toMatchObject({ name: "runs/a", steps: 6 });
    expect(data.runs[0]!.depth["activation_variance"]).toMatchObject({
      step: 6,
      values: { "blocks.1": last["probes/activation_variance/blocks.1"] },
    });
  });
  test("experts: their load, the entropy of their router, and what a full one dropped", async () => {
    const moe = TINY.replace(
      "swiglu(intermediate: 24)",
      "moe(experts: 5, top_k: 2, intermediate: 8, capacity: 1)",
    );
    const cwd = project({ "model.arch": moe });
    await train(cwd, "runs/a");
    const { out } = await specc(["inspect", "--run", "runs/a"], { cwd });
    expect(out).toMatch(/over depth, step 6 .*entropy.*dropped/);
    expect(out).toMatch(
      /load, last told +of +mean +lowest +at +highest +at\nblocks\.0 +5 +20\.00% +\d+\.\d\d%/,
    );
    const told = JSON.parse(
      (await specc(["inspect", "--run", "runs/a", "--json"], { cwd })).out,
    ) as {
      runs: { depth: Record<string, { values: Row; lists: Record<string, number[]> }> }[];
    };
    const { load, dropped, entropy } = told.runs[0]!.depth;
    const shares = load!.lists["blocks.1"]!;
    expect(shares).toHaveLength(5);
    expect(shares.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 3);
    expect(entropy!.values["blocks.1"]).toBeLessThanOrEqual(Math.log(5) + 1e-6);
    // 4 sequences of 16 tokens with 2 picks each, room for 26 at each of 5 experts
    const over = shares.reduce((sum, x) => sum + Math.max(0, Math.round(x * 128) - 26), 0);
    expect(dropped!.values["blocks.1"]).toBe(over);
  });
  test("a chain: each iteration before the end of its block", async () => {
    const chain = PROBED.replace(
      "swiglu(intermediate: 24)",
      "coe(experts: 4, top_k: 2, intermediate: 8)",
    );
    const cwd = project({ "model.arch": chain });
    await train(cwd, "runs/a");
    const { out } = await specc(["inspect", "--run", "runs/a"], { cwd });
    expect(out).toMatch(/over depth, step 6 .*highest load \/ mean/);
    const table = out.slice(out.indexOf("over depth")).split("\n\n")[0]!;
    const places = table.split("\n").map((line) => line.split(" ")[0]);
    expect(places.slice(1)).toEqual(
      expect.arrayContaining(["embedding", "blocks.0", "blocks.1", "final_norm", "head"]),
    );
    for (const i of [0, 1])
      expect(places.indexOf(`blocks.${i}.ffn.1`)).toBeLessThan(places.indexOf(`blocks.${i}`));
    expect(places.indexOf("blocks.1.ffn.0")).toBeGreaterThan(places.indexOf("blocks.0"));
  });
  test("what is worth a look, as tables, data and a page tell it", async () => {
    // a first value that no step of this size brings back
    const gated = TINY.replace("gpas()", "gpas(init: 1.25)");
    const cwd = project({ "model.arch": gated });
    await train(cwd, "runs/a");
    const one = await specc(["inspect", "--run", "runs/a"], { cwd });
    expect(one.out).toMatch(
      /\nworth a look\nblocks\.0\.gpas\.gate gates +step 6 +keeps \d\.\d\d% of what it scales \(gate 1\.\d+\)\n/,
    );
    await train(cwd, "runs/b", "--set", "blocks.scaling.init = 0");
    const { out } = await specc(["inspect", "--run", "runs/a", "runs/b"], { cwd });
    expect(out.match(/^runs\/a +blocks\.\d\.gpas\.gate gates/gm)).toHaveLength(2);
    expect(out).not.toMatch(/^runs\/b +blocks/m);
    const json = await specc(["inspect", "--run", "runs/a", "runs/b", "--json"], { cwd });
    const { runs } = JSON.parse(json.out) as { runs: { findings: object[] }[] };
    expect(runs.map(({ findings }) => findings.length)).toEqual([2, 0]);
    expect(runs[0]!.findings[1]).toMatchObject({ quantity: "gates", place: "blocks.1.gpas.gate" });
    await specc(["inspect", "--run", "runs/a", "--out", "a.html", "-q"], { cwd });
    expect(readFileSync(join(cwd, "a.html"), "utf8")).toContain("<h2>Worth a look</h2>");

    // a folder with another spec by now says nothing of the run
    const metrics = join(cwd, "runs/a/metrics.jsonl");
    const text = readFileSync(metrics, "utf8");
    writeFileSync(metrics, text.replace(/"spec_sha256":"\w+"/, '"spec_sha256":"0"'));
    expect((await specc(["inspect", "--run", "runs/a"], { cwd })).out).not.toContain(
      "worth a look",
    );
  });
  test("a step that came to no number is told", async () => {
    const cwd = project({
      "run/metrics.jsonl":
        '{"type":"run"}\n{"step":1,"train/loss":2}\n{"step":2,"train/loss":null,"nonfinite":["train/loss"]}\n',
    });
    const { out } = await specc(["inspect", "--run", "run"], { cwd });
    expect(out).toMatch(/\nworth a look\ntrain\/loss +step 2 +is no finite number\n$/);
  });
  test("several runs side by side, drawn in one file that needs no other", async () => {
    const cwd = project({ "model.arch": PROBED });
    await train(cwd, "runs/a");
    await train(cwd, "runs/b", "--seed", "7");
    const told = await specc(["inspect", "--run", "runs/a", "runs/b"], { cwd });
    expect(told.out).toMatch(/at the end +runs\/a +runs\/b\n/);
    const files = ["runs.html", "runs.svg"];
    for (const file of files) {
      const { code, out, err } = await specc(
        ["inspect", "--run", "runs/a", "runs/b", "--out", file],
        { cwd },
      );
      expect([code, out, err]).toEqual([0, "", `drew runs/a, runs/b in ${file}\n`]);
      const text = readFileSync(join(cwd, file), "utf8");
      expect(text).toContain("Activation variance over depth");
      expect(text).toContain("runs/b at blocks.1:");
      expect(text).not.toMatch(/<script|<link|<img|href=|NaN|undefined|Infinity/);
    }
    const svg = readFileSync(join(cwd, "runs.svg"), "utf8");
    expect(svg).not.toContain("var(");
    expect(svg.match(/<g\b/g)).toHaveLength(svg.match(/<\/g>/g)!.length);
  });
  test("folders and files that hold no training", async () => {
    const cwd = project({
      "other/metrics.jsonl": '{"step":1}\n',
      "cut/metrics.jsonl": '{"type":"run"}\n',
      "bad/metrics.jsonl": '{"type":"run"}\n{"step":\n{"step":2}\n',
    });
    mkdirSync(join(cwd, "empty"));
    const told = async (...args: readonly string[]): Promise<string> => {
      const { code, err, out } = await specc(["inspect", ...args], { cwd });
      expect([code, out]).toEqual([2, ""]);
      return err;
    };
    expect(await told("--run", "none")).toContain("no such folder: none");
    expect(await told("--run", "model.arch")).toContain("model.arch is a file");
    expect(await told("--run", "empty")).toContain("empty holds no run: there is no metrics.jsonl");
    expect(await told("--run", "other")).toContain("is not the record of a training");
    expect(await told("--run", "cut")).toContain("cut has no step yet");
    expect(await told("--run", "bad")).toContain("bad/metrics.jsonl is damaged: line 2");
    expect(await told("--run", "cut", "cut")).toContain("no step yet");
    expect(await told("model.arch", "--run", "cut")).toContain("not both");
    expect(await told("--run", "cut", "--svg", "x.svg")).toContain("--svg is about a model");
    expect(await told("model.arch", "--out", "x.svg")).toContain("--out is for --run");
    expect(await told()).toContain("nothing to inspect");
    writeFileSync(join(cwd, "cut/metrics.jsonl"), '{"type":"run"}\n{"step":1,"train/loss":2}\n');
    appendFileSync(join(cwd, "cut/metrics.jsonl"), '{"step":2,"tra');
    const { code, out } = await specc(["inspect", "--run", "cut"], { cwd });
    expect([code, out]).toEqual([0, expect.stringMatching(/train\/loss +2\.0000 +2\.0000/)]);
    expect(await told("--run", "cut", "--out", "x.pdf")).toContain("neither .svg nor .html");
    expect(await told("--run", "cut", "./cut")).toContain("--run names cut twice");
  });
});
