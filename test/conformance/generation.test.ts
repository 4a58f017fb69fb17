// Generation with a cache gives what computing the whole prefix again for each token gives: the same logits in float64 for every
// variant of a model, and the same tokens on every engine; whatever the lengths, the rows of the cache and the parts of a prefill.
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWeight } from "../../src/bundle/disk.ts";
import type { Session } from "../../src/bundle/engine.ts";
import type { Manifest } from "../../src/bundle/manifest.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { graphModel } from "../../src/compiler/lower/graph-model/index.ts";
import type { GenerationBinding } from "../../src/compiler/model/generation.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { pipeline, runPasses } from "../../src/compiler/passes/index.ts";
import type { DecoderSpec, RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import { continueSequences, windowStart } from "../../src/runtime/decode/continue.ts";
import { sampleToken, type SamplingOptions } from "../../src/runtime/decode/sample.ts";
import { samplingUniforms } from "../../src/runtime/random.ts";
import { evaluatorSession } from "../helpers/evaluator-engine.ts";
import { recipe } from "../parity/recipes.ts";
import { variants, variantsByLength } from "../parity/variants.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOfPrograms, manifestOfPrograms } from "./open.ts";

const CONTEXT = 6;
const V = 7;
type Values = Readonly<Record<string, Float32Array>>;
type Tokens = readonly number[];

const build = (model: DecoderSpec, generation: GenerationBinding, numbers?: RecipeSpec): Compiled =>
  buildPrograms(model, numbers, {
    methods: features,
    programs: ["prefill", "decode_step"],
    binding: { batch: 1, sequence: model.context },
    generation,
    totalSteps: 0,
  });
/** Large enough that every token depends on all before it. */
const weightsOf = (compiled: Compiled): Values => {
  let seed = 7;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
  return Object.fromEntries(
    compiled.state
      .filter(({ kind }) => kind === "param")
      .map(({ name, shape }) => [
        name,
        Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => 2 * random()),
      ]),
  );
};

/** Logits of the token after `tokens`, by one pass in float64 over all that the model sees of them. */
const recomputing = (
  model: DecoderSpec,
  state: Values,
  numbers?: RecipeSpec,
): ((tokens: Tokens) => Float64Array) => {
  const { context } = model;
  const { programs } = buildPrograms(model, numbers, {
    methods: features,
    programs: ["forward"],
    binding: { batch: 1, sequence: context },
    totalSteps: 0,
  });
  const { graph } = programs[0]!;
  const logits = { ...graph, outputs: graph.outputs.filter(({ name }) => name === "logits") };
  return (tokens) => {
    const seen = tokens.slice(windowStart(tokens.length, context));
    // Padding behind the last token: no causal model looks at it.
    const input_ids = Array.from({ length: context }, (_, i) => seen[i] ?? 0);
    const { data } = evaluate(logits, { inputs: { input_ids }, state }).outputs["logits"]!;
    return data.slice((seen.length - 1) * V, seen.length * V);
  };
};

const pick = (
  logits: ArrayLike<number>,
  tokens: Tokens,
  row: number,
  how: SamplingOptions,
): number => sampleToken(logits, new Set(tokens), samplingUniforms(3, row)(tokens.length), how);

interface Opened {
  readonly session: Session;
  readonly manifest: Manifest;
}
interface Generated {
  readonly tokens: readonly Tokens[];
  /** From which each new token was drawn. */
  readonly logits: readonly (readonly Float32Array[])[];
}
/** `counts` more tokens for each prompt. */
const generated = async (
  { session, manifest }: Opened,
  prompts: readonly Tokens[],
  counts: readonly number[],
  how: SamplingOptions,
): Promise<Generated> => {
  const tokens = prompts.map((prompt) => [...prompt]);
  const logits = prompts.map((): Float32Array[] => []);
  await continueSequences(session, manifest, {
    sequences: prompts,
    sampling: how,
    known: V,
    seen: (row) => new Set(tokens[row]),
    unit: (row, ahead) => samplingUniforms(3, row)(tokens[row]!.length + ahead),
    take: (row, id, values) => {
      if (values !== undefined) logits[row]!.push(Float32Array.from(values));
      tokens[row]!.push(id);
      return tokens[row]!.length < prompts[row]!.length + counts[row]!;
    },
    pause: () => Promise.resolve(),
    signal: undefined,
  });
  return { tokens, logits };
};
/** The same by the definition. */
const recomputed = (
  next: (tokens: Tokens) => Float64Array,
  prompts: readonly Tokens[],
  counts: readonly number[],
  how: SamplingOptions,
): readonly Tokens[] =>
  prompts.map((prompt, row) => {
    const tokens = [...prompt];
    for (let i = 0; i < counts[row]!; i += 1) tokens.push(pick(next(tokens), tokens, row, how));
    return tokens;
  });

const manifestOf = (compiled: Compiled, model: DecoderSpec): Manifest =>
  manifestOfPrograms(compiled, { context: model.context, vocabSize: V });
/** Of different lengths: one token, a part, several parts, more than the context; more prompts than rows. */
const PROMPTS: readonly Tokens[] = [
  [3],
  [1, 2, 6, 0],
  [5, 5, 4, 1, 0, 2],
  [2, 4, 6, 1, 3, 5, 0, 2, 4],
];
const COUNTS = [14, 3, 9, 6];
const GREEDY: SamplingOptions = { temperature: 0 };
const SAMPLED: SamplingOptions = { temperature: 1.3, topK: 5, topP: 0.9, repetitionPenalty: 1.2 };

describe.each(Object.entries(variants))("%s", (_name, variant) => {
  const model = { ...variant, context: CONTEXT };
  const compiled = build(model, { batch: 3, chunk: 4 });
  const weights = weightsOf(compiled);
  it("has the logits of the whole prefix at every token", async () => {
    const opened = {
      session: evaluatorSession(compiled, weights),
      manifest: manifestOf(compiled, model),
    };
    const { tokens, logits } = await generated(opened, PROMPTS, COUNTS, SAMPLED);
    const next = recomputing(model, weights);
    for (const [row, prompt] of PROMPTS.entries()) {
      expect(logits[row]).toHaveLength(COUNTS[row]!);
      logits[row]!.forEach((found, i) => {
        const wanted = next(tokens[row]!.slice(0, prompt.length + i));
        wanted.forEach((x, id) =>
          expect(Math.abs(found[id]! - x), `prompt ${row}, token ${i}`).toBeLessThan(2e-6),
        );
      });
    }
  });
});

describe.each(Object.entries(variantsByLength))("%s", (_name, variant) => {
  const model = { ...variant, context: CONTEXT };
  const compiled = build(model, { batch: 1, chunk: 2 });
  const weights = weightsOf(compiled);
  const opened = {
    session: evaluatorSession(compiled, weights),
    manifest: manifestOf(compiled, model),
  };
  const short = recomputing({ ...model, context: 3 }, weights);
  it("has the logits of the whole prefix up to the length where it changes", async () => {
    const { tokens, logits } = await generated(opened, [[1]], [3], SAMPLED);
    for (const n of [1, 2, 3])
      short(tokens[0]!.slice(0, n)).forEach((x, id) =>
        expect(Math.abs(logits[0]![n - 1]![id]! - x), `token ${n}`).toBeLessThan(2e-6),
      );
  });
  it("does not depend on the parts of a prompt beyond it", async () => {
    const [prompts, counts] = [[[1, 2, 6, 0, 3]], [1]];
    const whole = build(model, { batch: 1, chunk: CONTEXT });
    const other = {
      session: evaluatorSession(whole, weights),
      manifest: manifestOf(whole, model),
    };
    const [a, b] = [
      await generated(opened, prompts, counts, GREEDY),
      await generated(other, prompts, counts, GREEDY),
    ];
    expect(a.logits).toEqual(b.logits);
  });
});

const BINDINGS = [
  { batch: 1, chunk: 4 },
  { batch: 3, chunk: 2 },
];

describe("in bf16", () => {
  // of latents the products are ordered otherwise, and what is rounded is not the same
  const models = Object.keys(variants).filter((name) => !/mla|latent/.test(name));
  const cases = [...models.map((name) => [name, "bf16"] as const), ["gqa", "f32"] as const];
  it.each(cases)("%s, its stream in %s: a cache loses nothing", async (name, residual) => {
    const numbers = recipe({ precision: { is: "bf16", residual } });
    const model = { ...variants[name]!, context: CONTEXT };
    const compiled = build(model, { batch: 3, chunk: 4 }, numbers);
    const caches = compiled.state.filter(({ kind }) => kind === "cache");
    expect(new Set(caches.map(({ dtype }) => dtype))).toEqual(new Set(["bf16"]));
    const weights = weightsOf(compiled);
    const opened = {
      session: evaluatorSession(compiled, weights),
      manifest: manifestOf(compiled, model),
    };
    const { tokens, logits } = await generated(opened, PROMPTS, [5, 3, 2, 2], SAMPLED);
    const next = recomputing(model, weights, numbers);
    for (const [row, prompt] of PROMPTS.entries())
      logits[row]!.forEach((found, i) => {
        const wanted = next(tokens[row]!.slice(0, prompt.length + i));
        expect(found, `prompt ${row}, token ${i}`).toEqual(Float32Array.from(wanted));
      });
  });
});

describe("in bf16 on engines", () => {
  const numbers = recipe({ precision: { is: "bf16", residual: "bf16" } });
  const model = { ...variants["gqa"]!, context: CONTEXT };
  const compiled = build(model, BINDINGS[1]!, numbers);
  const weights = weightsOf(compiled);
  const next = recomputing(model, weights, numbers);
  it.for(SUBJECTS.filter(({ bf16 }) => bf16))(
    "$name: the logits of the whole prefix, up to what a sum in f32 may round otherwise",
    async ({ engine, missing }, { skip }) => {
      skip(missing, "TensorFlow is not installed");
      const manifest = manifestOf(compiled, model);
      const session = await engine.open(await bundleOfPrograms(compiled, manifest));
      for (const { name: key, shape } of compiled.state.filter(isWeight))
        await session.writeState({ [key]: { dtype: "f32", shape, data: weights[key]! } });
      const { draw, ...single } = session;
      const { tokens, logits } = await generated(
        { session: single, manifest },
        PROMPTS,
        COUNTS,
        GREEDY,
      );
      for (const [row, prompt] of PROMPTS.entries())
        logits[row]!.forEach((found, i) =>
          next(tokens[row]!.slice(0, prompt.length + i)).forEach((x, id) =>
            expect(Math.abs(found[id]! - x), `prompt ${row}, token ${i}`).toBeLessThan(0.1),
          ),
        );
      if (draw !== undefined)
        expect((await generated({ session, manifest }, PROMPTS, COUNTS, GREEDY)).tokens).toEqual(
          tokens,
        );
      await session.close();
    },
  );
});

describe.each(["gqa", "learned positions", "post-norm", "tied head"])("%s on engines", (name) => {
  const model = { ...variants[name]!, context: CONTEXT };
  const weights = weightsOf(build(model, BINDINGS[0]!));
  const next = recomputing(model, weights);
  const wanted = [GREEDY, SAMPLED].map((how) => recomputed(next, PROMPTS, COUNTS, how));
  it.for(SUBJECTS)(
    "$name: the tokens of the whole prefix, greedy and sampled, alone and together",
    async ({ name: subject, engine, missing }, { skip }) => {
      skip(missing, "TensorFlow is not installed");
      // XLA takes seconds for each program
      const bindings = subject === "tensorflow with XLA" ? BINDINGS.slice(1) : BINDINGS;
      for (const binding of bindings) {
        const compiled = build(model, binding);
        const manifest = manifestOf(compiled, model);
        const session = await engine.open(await bundleOfPrograms(compiled, manifest));
        for (const { name: key, shape, kind } of compiled.state)
          if (kind === "param")
            await session.writeState({ [key]: { dtype: "f32", shape, data: weights[key]! } });
        const run = (how: SamplingOptions): Promise<Generated> =>
          generated({ session, manifest }, PROMPTS, COUNTS, how);
        expect([(await run(GREEDY)).tokens, (await run(SAMPLED)).tokens]).toEqual(wanted);
        const before = session.liveBuffers();
        await run(GREEDY);
        expect(session.liveBuffers()).toBe(before);
        await session.close();
      }
    },
  );
});

it("any prompts, rows, parts and contexts give the tokens of the whole prefix", async () => {
  const base = variants["gqa"]!;
  const prompt = fc.array(fc.nat(V - 1), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(prompt, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom(GREEDY, SAMPLED),
      async (cases, batch, chunk, context, how) => {
        const model = { ...base, context };
        const compiled = build(model, { batch, chunk });
        const weights = weightsOf(compiled);
        const opened = {
          session: evaluatorSession(compiled, weights),
          manifest: manifestOf(compiled, model),
        };
        const [prompts, counts] = [cases.map(([p]) => p), cases.map(([, n]) => n)];
        const { tokens } = await generated(opened, prompts, counts, how);
        expect(tokens).toEqual(recomputed(recomputing(model, weights), prompts, counts, how));
      },
    ),
    { numRuns: 25 },
  );
});

it("decode_step as a GraphModel on stock tfjs: caches go in and come out", async () => {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  const model = { ...variants["gqa"]!, context: CONTEXT };
  const compiled = build(model, { batch: 2, chunk: 4 });
  const weights = weightsOf(compiled);
  const { graph } = compiled.programs.find((p) => p.graph.name === "decode_step")!;
  const entries = new Map(compiled.state.map((entry) => [entry.name, entry]));
  const params = Object.entries(weights).map(([name, data]): [string, HostTensor] => [
    name,
    { dtype: "f32", shape: entries.get(name)!.shape, data },
  ]);
  const files = graphModel(runPasses(graph, pipeline(new Set())), Object.fromEntries(params));
  const { weightsManifest, ...rest } = JSON.parse(files["model.json"]) as tf.io.ModelJSON;
  const loaded = await loadGraphModel({
    load: () =>
      Promise.resolve({
        ...rest,
        weightSpecs: weightsManifest[0]!.weights,
        weightData: files["group1-shard1of1.bin"].buffer,
      }),
  });
  const caches = [...entries.values()].filter(({ kind }) => kind === "cache");
  let held = Object.fromEntries(caches.map(({ name, shape }) => [name, tf.zeros([...shape])]));
  const next = recomputing(model, weights);
  const rows: readonly Tokens[] = [
    [3, 1, 4, 1, 5],
    [2, 6, 5, 3, 5],
  ];
  for (let t = 0; t < 5; t += 1) {
    const vector = (values: Tokens): tf.Tensor => tf.tensor1d([...values], "int32");
    const { logits, ...after } = loaded.predict({
      input_ids: vector(rows.map((row) => row[t]!)),
      positions: vector([t, t]),
      ...held,
    }) as tf.NamedTensorMap;
    const found = await logits!.data();
    const wanted = rows.flatMap((row) => [...next(row.slice(0, t + 1))]);
    wanted.forEach((x, i) =>
      expect(Math.abs(found[i]! - x), `logit ${i} of ${t}`).toBeLessThan(1e-4),
    );
    held = after;
  }
  expect(Object.keys(held).sort()).toEqual(caches.map(({ name }) => name).sort());
});
