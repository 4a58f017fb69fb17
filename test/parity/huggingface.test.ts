// Checkpoints that transformers wrote, through the whole of specc: imported, run in float64 and on the engines, exported.
// Numbers within the tolerances of the goldens' README, files byte for byte.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/bundle/safetensors.ts";
import { folder, specc } from "../cli/run.ts";
import { dataFolder, gradientsOf, openCheckpoint } from "./checkpoints.ts";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  shiftLabels,
  type Tensors,
} from "./golden.ts";
import { passOf } from "./models.ts";
import { subjects } from "./sessions.ts";

interface Case {
  readonly name: string;
  /** Whose weights it shares, and whose results. */
  readonly weights?: string;
  readonly golden?: string;
  /** Keys that its config.json lacks. */
  readonly set?: Readonly<Record<string, string>>;
  /** Other names on disk than specc's. */
  readonly converted?: boolean;
}
const cases: readonly Case[] = [
  { name: "hf/llama" },
  { name: "hf/llama-tied" },
  { name: "hf/llama-sharded", golden: "hf/llama" },
  { name: "hf/llama-rope-llama3" },
  { name: "hf/llama-v4config", weights: "hf/llama-rope-llama3" },
  { name: "hf/llama-rope-yarn" },
  { name: "hf/mistral" },
  { name: "hf/qwen2" },
  { name: "hf/qwen3" },
  { name: "hf/gemma2" },
  { name: "hf/gemma3" },
  { name: "hf/gpt2", converted: true },
  // The loss of the golden has the router's term in it.
  { name: "hf/mixtral", converted: true, set: { output_router_logits: "true" } },
  { name: "hf/qwen3_moe" },
  { name: "hf/olmoe" },
  { name: "hf/deepseek_v2" },
  { name: "hf/deepseek_v2-qlora-group" },
  { name: "hf/deepseek_v3" },
  { name: "coe/checkpoint-c2" },
  { name: "gpas/checkpoint-pre_gpas", set: { norm_type: "pre_gpas" } },
];

/** router_aux_loss_coef of the golden that has such a term; `forward` tells the cross entropy alone. */
const ROUTER_LOSS = 0.001;
/** As `--set` reads them. */
const settingsOf = (set: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(set).map(([key, text]) => [
      key,
      /^(true|false|\d)/.test(text) ? JSON.parse(text) : text,
    ]),
  );

const isTensor = (key: string): boolean => key === "logits" || key.startsWith("hidden.");

describe.each(cases)("$name", ({ name, set: given = {}, converted = false, ...of }) => {
  const set = settingsOf(given);
  const { weights = name, golden: results = weights } = of;
  const expected = readGolden(`${results}/golden.safetensors`);

  it("every tensor has its place", async () => {
    const { account } = await openCheckpoint(name, set, weights);
    const { missing, unexpected, misshapen } = account;
    expect({ missing, unexpected, misshapen }).toEqual({
      missing: [],
      unexpected: [],
      misshapen: [],
    });
    expect(account.converted.length > 0).toBe(converted);
  });

  it("computes the same in float64", async () => {
    const checkpoint = await openCheckpoint(name, set, weights);
    const ids = golden(expected, "input_ids");
    const [B = 0, T = 0] = ids.shape;
    const { parameters, run } = passOf(checkpoint.imported.model, B, T);
    const state = Object.fromEntries(parameters.map((p) => [p.name, held(checkpoint.weights, p)]));
    const found = run({ ids: ids.data, targets: shiftLabels(ids), state });
    for (const key of Object.keys(expected).filter(isTensor))
      expect(maxDifference(found[key]!, golden(expected, key).data), key).toBeLessThan(5e-5);
    if (expected["loss"] !== undefined)
      expect(maxDifference(found["objective"]!, expected["loss"].data)).toBeLessThan(5e-6);
    const grads = gradientsOf(expected, checkpoint.layout);
    for (const p of parameters.filter(({ diskName }) => `grad.${diskName}` in grads)) {
      const grad = held(grads, p, "grad.");
      expect(maxDifference(found[`grad.${p.name}`]!, grad), p.name).toBeLessThan(
        1e-4 * maxAbs(grad),
      );
    }
  });

  it.runIf("greedy_ids" in expected)("takes the same tokens one after the other", async () => {
    const { imported, weights: state } = await openCheckpoint(name, set, weights);
    const { shape, data } = golden(expected, "greedy_ids");
    const logits = golden(expected, "greedy_logits");
    const [steps = 0, vocab = 0] = logits.shape;
    const T = shape[1]! - 1;
    const { parameters, run } = passOf(imported.model, 1, T);
    const found = run({
      ids: data.subarray(0, T),
      targets: data.subarray(1),
      state: Object.fromEntries(parameters.map((p) => [p.name, held(state, p)])),
    });
    const rows = found["logits"]!.subarray((T - steps) * vocab);
    expect(maxDifference(rows, logits.data)).toBeLessThan(5e-5);
    for (let i = 0; i < steps; i++) {
      const row = [...rows.subarray(i * vocab, (i + 1) * vocab)];
      expect(row.indexOf(Math.max(...row)), `token ${i}`).toBe(data[T - steps + 1 + i]);
    }
  });

  const settings = Object.entries(given).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
  const imported = async (): Promise<string> => {
    const cwd = folder();
    const source = dataFolder(name);
    const ran = await specc(["import", source, "-o", "in/model.arch", ...settings], { cwd });
    expect(ran.err).toContain("in/model.arch");
    expect(ran.code).toBe(0);
    return cwd;
  };

  const own = weights === name ? subjects : [];
  describe.each(own)("on $name", ({ name: engine, missing }) => {
    it.skipIf(missing)("computes the same", async () => {
      const cwd = await imported();
      const inputs = `${dataFolder(results)}golden.safetensors`;
      const argv = ["forward", "in/model.arch", "--inputs", inputs, "--out", "out", "--grad"];
      const ran = await specc([...argv, "--engine", engine], { cwd, env: process.env });
      expect(ran.code, ran.err).toBe(0);
      const { tensors } = readSafetensors(readFileSync(join(cwd, "out")));
      const compare = (key: string, wanted: Tensors[string], bound: number): void =>
        expect(maxDifference(tensors[key]!.data, wanted.data), key).toBeLessThan(bound);
      for (const key of Object.keys(expected).filter(isTensor))
        compare(key, golden(expected, key), 5e-5);
      if (expected["loss"] !== undefined) {
        const { shape, data } = expected["loss"];
        const term = ROUTER_LOSS * (expected["aux_loss"]?.data[0] ?? 0);
        compare("loss", { shape, data: data.map((x) => x - term) }, 5e-6);
      }
      const { layout } = await openCheckpoint(name, set);
      for (const [key, grad] of Object.entries(gradientsOf(expected, layout)))
        compare(key, grad, 1e-4 * maxAbs(grad.data));
    });
  });

  it.runIf(weights === name)("is exported as it came, byte for byte", async () => {
    const cwd = await imported();
    const ran = await specc(["export", "in/model.arch", "-o", "out"], { cwd });
    expect(ran.code, ran.err).toBe(0);
    const { account } = await openCheckpoint(name, set);
    const files = readdirSync(dataFolder(name)).filter((file) =>
      /^(config|generation_config)\.json$|^model/.test(file),
    );
    const bytes = (path: string): Uint8Array => new Uint8Array(readFileSync(path));
    for (const file of files.filter((f) => settings.length === 0 || f !== "config.json"))
      if (account.dropped.length === 0)
        expect(bytes(join(cwd, "out", file)), file).toEqual(bytes(`${dataFolder(name)}${file}`));
    for (const file of files.filter((f) => f.endsWith(".safetensors"))) {
      const after = readSafetensors(bytes(join(cwd, "out", file))).tensors;
      const before = Object.entries(readSafetensors(bytes(`${dataFolder(name)}${file}`)).tensors);
      const dropped = new Set(account.dropped.map((tensor) => tensor.name));
      expect(after).toEqual(Object.fromEntries(before.filter(([tensor]) => !dropped.has(tensor))));
    }
  });
});
