// The reference specs: each file checks without a word, and each model has the number of parameters that its paper's
// configurations have (paper notes of GPAS, section 6, and of Chain-of-Experts, section 4).
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { choose } from "../../src/compiler/choose.ts";
import { compile, programsFor } from "../../src/compiler/compile.ts";
import { analyze } from "../../src/compiler/analyze.ts";
import { features } from "../../src/compiler/features/index.ts";
import { fitConfig } from "../../src/compiler/huggingface/index.ts";
import { rowOf } from "../../src/compiler/ir/builder.ts";
import type { OpName } from "../../src/compiler/ir/types.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import { densitiesOf } from "../../src/compiler/model/masks.ts";
import { parametersOf } from "../../src/compiler/model/parameters-of.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { Binding } from "../../src/compiler/model/reading.ts";
import type { ModelSpec } from "../../src/compiler/semantics/spec.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith(".arch"));
const results = names.map((name) =>
  analyze(name, {
    read: (path) => readFileSync(folder + path, "utf8"),
    resolveImport: (_from, spec) => ({ path: spec.replace("./", "") }),
  }),
);
const models: Readonly<Record<string, ModelSpec>> = Object.fromEntries(
  results.flatMap((r) => Object.entries(r.spec?.models ?? {})),
);

interface Counted {
  readonly name: string;
  readonly rank: number;
  readonly count: number;
  /** Those that a token's pass reads. */
  readonly active: number;
}
const parameters = (name: string): readonly Counted[] => {
  const model = models[name];
  if (model === undefined) throw new Error(`no model ${name}`);
  return parametersOf(model, features)
    .filter((p) => !p.buffer)
    .map((p) => {
      const count = p.shape.reduce((n, d) => n * d.size, 1);
      return { name: p.name, rank: p.shape.length, count, active: count * p.active };
    });
};
/** Of a forward pass, in these ops. */
const flopsOf = (name: string, forward: Binding, ops: readonly OpName[]): number => {
  const { programs } = buildPrograms(models[name]!, undefined, {
    ...{ methods: features, programs: ["forward"], binding: forward, forward, totalSteps: 0 },
  });
  return nodesOf(programs[0]!.graph).reduce(
    (sum, node) => sum + (ops.includes(node.op) ? rowOf(node.op).cost(node).flops : 0),
    0,
  );
};
const active = (name: string): number => parameters(name).reduce((sum, p) => sum + p.active, 0);
/** Without embedding, head and final norm, as the chains' authors count. */
const ofLayers = (name: string): number =>
  parameters(name).reduce((sum, p) => sum + (p.name.startsWith("blocks.") ? p.count : 0), 0);
const total = (name: string): number => parameters(name).reduce((sum, p) => sum + p.count, 0);

describe("examples", () => {
  const root = fileURLToPath(new URL("../../examples/", import.meta.url));
  it.each(readdirSync(root))("%s has nothing to complain about", (name) => {
    const { diagnostics } = analyze(`${name}/model.arch`, {
      read: (path) => readFileSync(root + path, "utf8"),
      resolveImport: () => ({ fault: "an example is one file" }),
    });
    expect(diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  });
});

describe("reference specs", () => {
  it.each(names.map((name, i) => [name, results[i]!] as const))(
    "%s has nothing to complain about",
    (_name, result) => {
      expect(result.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    },
  );
  it.each(names)("%s names its source and what differs from it", (name) => {
    const text = readFileSync(folder + name, "utf8");
    const [header] = text.match(/(^\/\/\/.*\n)+/m) ?? [""];
    expect(header).toMatch(/arXiv \d{4}\.\d{5}|"Language Models are Unsupervised/);
    expect(text).toMatch(/\/\/\/.*\bDiffers\b/);
  });
  const targets = names.flatMap((entry, i) => {
    const checked = results[i]!;
    return Object.entries(checked.spec?.models ?? {}).map(
      ([name, model]) => [name, { entry, checked, model, recipe: undefined }] as const,
    );
  });
  it.each(targets)("%s compiles", (_name, target) => {
    const { programs } = compile(target, { programs: ["forward"], forms: ["tfjs"] });
    expect(programs[0]!.entry.outputs.map(({ name }) => name)).toContain("logits");
    expect(programs[0]!.module).toContain("export");
  });
  const recipes = names.flatMap((entry, i) => {
    const checked = results[i]!;
    const { spec } = checked;
    return Object.keys(spec?.recipes ?? {}).map(
      (recipe) => [recipe, entry, checked, spec!] as const,
    );
  });
  it.each(recipes)("%s of %s compiles", (recipe, entry, checked, spec) => {
    const model = spec.recipeFor[recipe] ?? Object.keys(spec.models)[0]!;
    const chosen = choose(spec, { recipe, model }, true);
    if (!chosen.ok) throw new Error(chosen.problem);
    const target = { entry, checked, model: chosen.model, recipe: chosen.recipe };
    const step = programsFor(chosen.model, chosen.recipe).slice(0, 2);
    const { programs, compiled } = compile(target, { programs: step, stepsPerEpoch: 100 });
    expect(programs.map(({ entry: { name } }) => name)).toEqual(step);
    expect(compiled.learningRate).not.toBeNull();
  });
  it.each([
    ["Llama9M", 9.0],
    ["Llama", 70.6],
    ["Llama130M", 134.1],
    ["Llama250M", 247.4],
    ["Llama350M", 368.0],
    ["Llama1B", 1339],
    ["Llama7B", 6738],
  ])("%s has %d M parameters", (name, millions) => {
    expect(Math.abs(total(name) / 1e6 - millions)).toBeLessThan(millions >= 1000 ? 0.5 : 0.05);
  });
  // As transformers counts what it builds from the config.json that is written for each (DeepSeek-V3 with its biases).
  it.each([
    ["Llama3_1B", "llama", 1_235_814_400],
    ["Llama3_8B", "llama", 8_030_261_248],
    ["Mistral7B", "mistral", 7_241_732_096],
    ["Mixtral", "mixtral", 46_702_792_704],
    ["Qwen2_500M", "qwen2", 494_032_768],
    ["Qwen3_600M", "qwen3", 596_049_920],
    ["Qwen3Moe", "qwen3_moe", 30_532_122_624],
    ["Gemma2_2B", "gemma2", 2_614_341_888],
    ["Gemma3_1B", "gemma3_text", 999_885_952],
    ["Gpt2", "gpt2", 124_439_808],
    ["Gpt2XL", "gpt2", 1_557_611_200],
    ["Olmoe", "olmoe", 6_919_161_856],
    ["DeepSeekV2Lite", "deepseek_v2", 15_706_484_224],
    ["DeepSeekV2", "deepseek_v2", 235_741_434_880],
    ["DeepSeekV3", "deepseek_v3", 671_026_419_200],
  ])("%s is a %s of %d parameters", (name, family, count) => {
    expect(total(name)).toBe(count);
    const model = models[name];
    if (model?.kind !== "decoder") throw new Error(`${name} is no decoder`);
    const fit = fitConfig(model);
    expect([fit.family.name, fit.differences]).toEqual([family, []]);
  });
  it.each([
    ["GpasLlama", "Llama", 12],
    ["Gpas9M", "Llama9M", 4],
    ["Gpas130M", "Llama130M", 12],
    ["Gpas250M", "Llama250M", 24],
    ["Gpas350M", "Llama350M", 24],
    ["Gpas1B", "Llama1B", 24],
    ["Gpas7B", "Llama7B", 32],
    ["GpasPerSubLayer", "Llama", 24],
    ["GpasOnBranch", "Llama", 12],
    ["GpasOfficial", "Llama", 12],
    ["GpasMix", "MixLlama", 12],
    ["GpasLns", "LnsInitLlama", 12],
    ["GpasSandwich", "SandwichLlama", 12],
    ["GpasSandwich1B", "Sandwich1B", 24],
    ["GpasDeepNorm", "DeepNormLlama", 12],
  ])("%s is %s and %d gates", (name, base, gates) => {
    expect(total(name)).toBe(total(base) + gates);
    expect(parameters(name).filter((p) => p.name.includes(".gpas."))).toHaveLength(gates);
  });
  // Two norms a block wherever they stand; four around both sides, and Peri-LN's norm of the embeddings.
  it.each([
    ["PostLlama", "Llama", 0],
    ["DeepNormLlama", "Llama", 0],
    ["MixLlama", "Llama", 0],
    ["LnsLlama", "Llama", 0],
    ["LnsInitLlama", "Llama", 0],
    ["ScaledLlama", "Llama", 0],
    ["ScaledMixLlama", "Llama", 0],
    ["SandwichLlama", "Llama", 12 * 2 * 512],
    ["Sandwich1B", "Llama1B", 24 * 2 * 2048],
    ["PeriLlama", "Llama", (12 * 2 + 1) * 512],
  ])("%s is %s and %d gains", (name, base, gains) => {
    expect(total(name)).toBe(total(base) + gains);
  });
  // Paper note of Chain-of-Experts, section 4: layers alone, exactly.
  it.each([
    ["Moe8", 570_955_776],
    ["Moe16", 570_955_776],
    ["Coe", 571_213_824],
    ["Coe8", 571_213_824],
    ["Coe48", 432_670_720],
    ["CoeOneGate", 570_955_776],
    ["CoeFirstGate", 570_955_776],
  ])("the layers of %s have %d parameters", (name, count) => {
    expect(ofLayers(name)).toBe(count);
  });
  it.each([
    ["Moe8Layers8", 1141.9],
    ["Moe8Layers12", 1712.9],
  ])("the layers of %s have %d M parameters", (name, millions) => {
    expect(Math.abs(ofLayers(name) / 1e6 - millions)).toBeLessThan(0.05);
  });
  // As the checkpoints' cards and reports round them; that of V2-Lite says 2.4, without the embedding.
  it.each([
    ["Mixtral", 46.7, 12.9],
    ["Olmoe", 6.92, 1.28],
    ["Qwen3Moe", 30.5, 3.3],
    ["DeepSeekV2Lite", 15.7, 2.4 + 0.21],
    ["DeepSeekV2", 236, 21],
    ["DeepSeekV3", 671, 37],
  ])("%s has %d B parameters, of which a token reads %d B", (name, all, read) => {
    const digits = (x: number): number =>
      Number(x.toPrecision(String(all).replace(".", "").length));
    expect(digits(total(name) / 1e9)).toBe(all);
    expect(Math.abs(active(name) / 1e9 - read)).toBeLessThan(read >= 10 ? 0.6 : 0.06);
  });
  // What a token's pass multiplies: each matrix that it reads once, and in a chain C·(K + M) experts for C iterations over K
  // routed and M shared ones (paper note of Chain-of-Experts, section 11).
  it.each([
    ["Llama", 1],
    ["Olmoe", 1],
    ["Qwen3Moe", 1],
    ["DeepSeekV2Lite", 1],
    ["Moe8", 1],
    ["Coe", 2],
    ["Coe4", 4],
  ])("a token of %s multiplies what it reads, in %d iterations", (name, iterations) => {
    const isMatrix = (p: Counted): boolean => p.rank > 1 && !p.name.startsWith("embedding");
    const reads = parameters(name).reduce((sum, p) => {
      const again = p.name.includes(".ffn.shared.") ? iterations : 1;
      return sum + (isMatrix(p) ? p.active * again : 0);
    }, 0);
    const T = 4;
    const done = flopsOf(name, { batch: 1, sequence: T }, ["matMul", "groupedMatMul"]);
    expect(done / T).toBe(2 * Math.round(reads));
  });
  // As torchvision's documentation counts them: products of an image's pass, a multiplication and an addition as one.
  it.each([
    ["ResNet18", 1.81],
    ["ResNet34", 3.66],
    ["ResNet50", 4.09],
    ["ResNet101", 7.8],
    ["ResNet152", 11.51],
  ])("an image of %s takes %d G products", (name, giga) => {
    const done = flopsOf(name, { batch: 1 }, ["matMul", "conv2d"]);
    expect(Math.abs(done / 2e9 - giga)).toBeLessThan(0.01);
  });
  // As the paper of wide residual networks cuts them off.
  it.each([
    ["WideResNet", 36.5],
    ["WideResNet16", 11.0],
    ["WideResNet40", 8.9],
  ])("%s has %d M parameters", (name, millions) => {
    expect(Math.floor(total(name) / 1e5) / 10).toBe(millions);
  });
  // As torchvision's documentation counts them.
  it.each([
    ["ResNet18", 11_689_512],
    ["ResNet34", 21_797_672],
    ["ResNet50", 25_557_032],
    ["ResNet101", 44_549_160],
    ["ResNet152", 60_192_808],
  ])("%s has %d parameters", (name, count) => {
    expect(total(name)).toBe(count);
  });
  // Paper note of NeuroTrails, sections 6 and 10: matrices and kernels alone in the language models.
  const matrices = (name: string): number =>
    parameters(name).reduce((sum, p) => sum + (p.name.includes("norm") ? 0 : p.count), 0);
  it("NeuroTrails130M has 296,484,864 weights in matrices", () => {
    expect(matrices("NeuroTrails130M")).toBe(296_484_864);
  });
  it.each([
    ["Ensemble130M", 402.3],
    ["NeuroTrails350M", 836.6],
    ["Ensemble350M", 1103.8],
    ["NeuroTrailsWrn", 106.3],
    ["EnsembleWrn", 109.6],
  ])("%s has %d M weights", (name, millions) => {
    expect(Math.abs(matrices(name) / 1e6 - millions)).toBeLessThan(0.06);
  });
  // Goldens erk-presets and erk-densities of the authors' code, at 1e-12.
  const WRN = {
    stem: 1,
    "blocks.0.conv1": 1,
    "blocks.0.conv2": 0.6075040575207701,
    "blocks.0.shortcut": 1,
    "blocks.3.conv1": 0.6075040575207701,
    "heads.0.blocks.4.conv1": 0.45283277907223046,
    "heads.1.blocks.5.conv1": 0.3009567646920379,
    "heads.2.blocks.8.conv1": 0.22501875750194167,
    "heads.2.blocks.8.shortcut": 1,
    "heads.2.blocks.11.conv2": 0.1497795663289322,
    "heads.1.head": 1,
  };
  const decoder = (vocabulary: number, ffn: number): Readonly<Record<string, number>> => ({
    embedding: vocabulary,
    "blocks.0.attention.q": 1,
    "heads.1.blocks.8.attention.o": 1,
    "blocks.2.ffn.down": ffn,
    "heads.2.blocks.11.ffn.up": ffn,
    "heads.0.head": vocabulary,
  });
  it.each([
    ["NeuroTrailsC4Sparse", "NeuroTrails130M", 0.9, decoder(0.728209470752085, 0.9778203342618329)],
    [
      "NeuroTrailsC4Sparse350M",
      "NeuroTrails350M",
      0.9,
      decoder(0.6836243338360977, 0.9103524550720962),
    ],
    ["NeuroTrailsCifar100Sparse", "NeuroTrailsWrn", 0.2, WRN],
  ])(
    "%s leaves of %s the share %d, by layer as the authors' code does",
    (name, of, density, wanted) => {
      const model = models[of]!;
      const recipe = results.flatMap((r) => r.spec?.recipes[name] ?? [])[0]!;
      const found = densitiesOf(
        recipe,
        parametersOf(model, features),
        features,
        model.blocks.length,
      );
      for (const [layer, share] of Object.entries(wanted))
        expect(found.get(`${layer}.weight`) ?? 1, layer).toBeCloseTo(share, 12);
      const weights = parameters(of).filter(({ rank }) => rank > 1);
      const kept = weights.reduce((sum, p) => sum + p.count * (found.get(p.name) ?? 1), 0);
      expect(kept / weights.reduce((sum, p) => sum + p.count, 0)).toBeCloseTo(density, 9);
    },
  );
  it("heads share the last batch norm, or have one each", () => {
    expect(total("NeuroTrailsWrnOwn") - total("NeuroTrailsWrn")).toBe(2 * 2 * 640);
    expect(parameters("NeuroTrailsResNet50").filter((p) => p.name.endsWith("head.bias"))).toEqual(
      [],
    );
  });
});
