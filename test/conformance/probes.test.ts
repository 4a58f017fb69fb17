// What probes measure: the numbers that other programs give by other ways, the same for a batch in one pass or several, in every
// engine; and what they cost a step that does not measure: nothing.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { analyzeText } from "../../src/compiler/analyze.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate, type Evaluation } from "../../src/compiler/ir/evaluate.ts";
import { printGraph } from "../../src/compiler/ir/text.ts";
import { buildPrograms, type ProgramOptions } from "../../src/compiler/model/programs.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import type { Binding } from "../../src/compiler/model/reading.ts";
import type { ModelSpec, RecipeSpec } from "../../src/compiler/semantics/spec.ts";
import { modelFrom } from "../parity/models.ts";
import { recipe, sequences, steps, type State } from "../parity/recipes.ts";
import { SUBJECTS } from "./engines.ts";
import { bundleOfPrograms, host, manifestOfPrograms } from "./open.ts";

const [B, T, V] = [4, 6, 11];
const probes: RecipeSpec["probes"] = {
  is: "per_block",
  every: steps(10),
  measure: ["activation_variance", "activation_gradient_norm", "gradient_norm"],
};
const archOf = (block: string, blocks = 3): string => `model M {
  vocab_size  = ${V}
  hidden_size = 4
  context     = 16
  blocks ${blocks} {
    ${block}
    attention = mha(heads: 2)
    ffn       = gelu(intermediate: 8, bias: true)
  }
}
`;
const pre = archOf("norm = pre(rmsnorm())");
const gated = archOf("norm = pre(rmsnorm())\n    scaling = gpas(init: 0.4)");

const compile = (
  arch: string,
  programs: ProgramOptions["programs"],
  changes: Partial<RecipeSpec> = {},
  binding = { batch: B, sequence: T },
): Compiled =>
  buildPrograms(
    modelFrom(arch),
    recipe({ batch: sequences(B), micro: sequences(binding.batch), probes, ...changes }),
    { methods: features, programs, binding, gradients: true, totalSteps: 8 },
  );
const graphOf = ({ programs }: Compiled, name: string) =>
  programs.find((p) => p.graph.name === name)!.graph;

/** Numbers that look random and are always the same. */
const noise = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(1.3 + i * 12.9898 + seed * 78.233));
const stateOf = (compiled: Compiled): State =>
  Object.fromEntries(
    compiled.state.map(({ name, kind, shape }, i) => {
      const size = shape.reduce((n, d) => n * d, 1);
      return [name, kind === "param" ? noise(size, i) : new Float64Array(size)];
    }),
  );
const batchOf = (from: number, count: number, sequence = T) => {
  const ids = Float64Array.from({ length: count * sequence }, (_, i) => {
    const at = from * sequence + i;
    return (at * 7 + (at % 5)) % V;
  });
  return { input_ids: ids, targets: ids.map((id, i) => ((i + 1) % 6 === 0 ? -100 : (id + 3) % V)) };
};
const scalarsOf = (compiled: Compiled, name: string): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(compiled.programs.find((p) => p.graph.name === name)!.scalars).map(
      ([key, expr]) => [key, [evaluateScalar(expr, 3)]],
    ),
  );
/** Runs a program of update 3 and writes its updates into `state`. */
const run = (
  compiled: Compiled,
  name: string,
  state: State,
  batch: Readonly<Record<string, ArrayLike<number>>>,
): Evaluation => {
  const inputs = { ...batch, ...scalarsOf(compiled, name) };
  const result = evaluate(graphOf(compiled, name), { inputs, state });
  for (const [key, { data }] of Object.entries(result.updates)) state[key] = data;
  return result;
};
const measured = ({ outputs }: Evaluation): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(outputs)
      .filter(([name]) => /^probes\/(activation|gradient)/.test(name))
      .map(([name, { data }]) => [name.slice("probes/".length), data[0]!]),
  );
const close = (
  got: Readonly<Record<string, number>>,
  want: Readonly<Record<string, number>>,
  tolerance: number,
): void => {
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, value] of Object.entries(want))
    expect(Math.abs(got[name]! - value) / Math.abs(value), name).toBeLessThan(tolerance);
};
const norm = (...parts: readonly ArrayLike<number>[]): number =>
  Math.sqrt(parts.reduce((sum, x) => Array.from(x).reduce((s, v) => s + v * v, sum), 0));
const variance = (x: ArrayLike<number>): number => {
  const mean = Array.from(x).reduce((sum, v) => sum + v, 0) / x.length;
  return Array.from(x).reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
};

describe("what is measured", () => {
  it("variance of what stands after the embedding and after each block", () => {
    const compiled = compile(pre, ["probe_step", "forward"]);
    const state = stateOf(compiled);
    const { outputs } = run(compiled, "forward", state, batchOf(0, B));
    const found = measured(run(compiled, "probe_step", state, batchOf(0, B)));
    ["embedding", "blocks.0", "blocks.1", "blocks.2"].forEach((place, i) =>
      expect(found[`activation_variance/${place}`]).toBeCloseTo(
        variance(outputs[`hidden.${i}`]!.data),
        12,
      ),
    );
  });
  it("norm of the gradients of the weights of each block, and of what lies around the blocks", () => {
    const compiled = compile(pre, ["probe_step", "forward"]);
    const state = stateOf(compiled);
    const { outputs } = run(compiled, "forward", state, batchOf(0, B));
    const result = run(compiled, "probe_step", state, batchOf(0, B));
    const found = measured(result);
    const places = ["embedding", "blocks.0", "blocks.1", "blocks.2", "final_norm", "head"];
    const norms = places.map((place) => {
      const names = Object.keys(outputs).filter((name) => name.startsWith(`grad.${place}.`));
      return norm(...names.map((name) => outputs[name]!.data));
    });
    places.forEach((place, i) =>
      expect(found[`gradient_norm/${place}`]).toBeCloseTo(norms[i]!, 12),
    );
    expect(result.outputs["grad_norm"]!.data[0]).toBeCloseTo(norm(norms), 12);
  });
  it.each([
    ["pre-norm", pre],
    ["gpas", gated],
  ])(
    "norm of the gradient at the stream, %s: that of a bias added there to one token",
    (_, arch) => {
      const one = { batch: 1, sequence: 1 };
      const compiled = compile(
        arch,
        ["probe_step", "forward"],
        { batch: sequences(1), micro: sequences(1) },
        one,
      );
      const state = stateOf(compiled);
      const { outputs } = run(compiled, "forward", state, batchOf(1, 1, 1));
      const found = measured(run(compiled, "probe_step", state, batchOf(1, 1, 1)));
      for (const place of ["blocks.0", "blocks.1", "blocks.2"])
        expect(found[`activation_gradient_norm/${place}`]).toBeCloseTo(
          norm(outputs[`grad.${place}.ffn.down.bias`]!.data),
          12,
        );
      expect(found["activation_gradient_norm/embedding"]).toBeCloseTo(
        norm(outputs["grad.embedding.weight"]!.data),
        12,
      );
    },
  );
  it("the stream where GPAS scales it, unless the block ends there", () => {
    const places = (arch: string): readonly string[] =>
      graphOf(compile(arch, ["probe_step"]), "probe_step")
        .outputs.map(({ name }) => name.slice("probes/".length))
        .filter((name) => name.startsWith("activation_variance/") && name.includes("gpas"));
    expect(places(pre)).toEqual([]);
    expect(places(archOf("norm = pre(rmsnorm())\n scaling = gpas()", 1))).toEqual([
      "activation_variance/blocks.0.gpas.attention",
    ]);
    expect(places(archOf("norm = deepnorm(rmsnorm())\n scaling = gpas()", 1))).toEqual([
      "activation_variance/blocks.0.gpas.attention",
      "activation_variance/blocks.0.gpas.ffn",
    ]);
    expect(places(archOf("norm = pre(rmsnorm())\n scaling = gpas(site: branch)", 1))).toEqual([]);
  });
  it("each branch of a model that parts, and what stands before the blocks of one that reads images", () => {
    const placesIn = (model: ModelSpec, binding: Binding): readonly string[] =>
      buildPrograms(model, recipe({ batch: sequences(2), micro: sequences(2), probes }), {
        ...{ methods: features, programs: ["probe_step"], binding, totalSteps: 1 },
      }).programs[0]!.graph.outputs.flatMap(({ name }) => {
        const [, place] = /^probes\/activation_variance\/(.*)$/.exec(name) ?? [];
        return place === undefined ? [] : [place];
      });
    const parted = pre.replace(
      "  blocks 3",
      "  trails = split(heads: 2, blocks_in_head: 1)\n  blocks 3",
    );
    expect(placesIn(modelFrom(parted), { batch: 2, sequence: T })).toEqual([
      "embedding",
      "blocks.0",
      "blocks.1",
      "heads.0.blocks.2",
      "heads.1.blocks.2",
    ]);
    const { spec } = analyzeText(
      "m.arch",
      `model I {
        input = image(8, 8, 1)
        stem = conv(4)
        blocks 2 { unit = wide_basic(4) }
        head = classifier(3)
      }`,
    );
    expect(placesIn(spec!.models["I"]!, { batch: 2 })).toEqual(["stem", "blocks.0", "blocks.1"]);
  });
  it("only what the recipe asks for", () => {
    const compiled = compile(pre, ["probe_step"], {
      probes: { is: "per_block", every: steps(1), measure: ["gradient_norm"] },
    });
    const found = measured(run(compiled, "probe_step", stateOf(compiled), batchOf(0, B)));
    expect(Object.keys(found).every((name) => name.startsWith("gradient_norm/"))).toBe(true);
    expect(Object.keys(found)).toHaveLength(6);
  });
});

describe("a step that measures", () => {
  it("takes the same update", () => {
    const compiled = compile(gated, ["train_step", "probe_step"]);
    const [plain, probed] = [stateOf(compiled), stateOf(compiled)];
    const want = run(compiled, "train_step", plain, batchOf(0, B));
    const got = run(compiled, "probe_step", probed, batchOf(0, B));
    expect(probed).toEqual(plain);
    expect(got.outputs).toMatchObject(want.outputs);
  });
  it("gives the same for a batch that comes in passes, and leaves its sums at zero", () => {
    const whole = compile(gated, ["probe_step"]);
    const want = measured(run(whole, "probe_step", stateOf(whole), batchOf(0, B)));
    const parts = compile(
      gated,
      ["probe_accumulate", "probe_apply"],
      {},
      { batch: 1, sequence: T },
    );
    const state = stateOf(parts);
    // targets count alike in each pass, so that the mean of passes is the mean of tokens
    const each = (i: number) => {
      const { input_ids, targets } = batchOf(0, B);
      const part = (x: Float64Array) => x.slice(i * T, (i + 1) * T);
      return { input_ids: part(input_ids), targets: part(targets) };
    };
    for (const update of [1, 2]) {
      for (let i = 0; i < B; i++) run(parts, "probe_accumulate", state, each(i));
      const applied = run(parts, "probe_apply", state, {});
      if (update === 1) close(measured(applied), want, 1e-9);
    }
    for (const { name, kind } of parts.state)
      if (kind === "accumulator") expect(norm(state[name]!), name).toBe(0);
  });
  it("measures the same with checkpoints", () => {
    const [kept, again] = ([null, "block"] as const).map((checkpoint) => {
      const compiled = compile(gated, ["probe_step"], { checkpoint });
      return measured(run(compiled, "probe_step", stateOf(compiled), batchOf(0, B)));
    });
    expect(again).toEqual(kept);
  });
  it("costs the others nothing: their programs are those without probes", () => {
    for (const programs of [["train_step"], ["accumulate", "apply"]] as const) {
      const binding = { batch: programs.length === 1 ? B : 2, sequence: T };
      const text = (changes: Partial<RecipeSpec>): readonly string[] =>
        compile(gated, programs, changes, binding).programs.map(({ graph }) => printGraph(graph));
      expect(text({})).toEqual(text({ probes: null }));
    }
  });
});

describe.each(SUBJECTS)("probes on $name", ({ engine, missing, bf16 }) => {
  const measure = async (compiled: Compiled, names: readonly string[], numbers: "f32" | "bf16") => {
    const model = { context: 16, vocabSize: V };
    const session = await engine.open(
      await bundleOfPrograms(compiled, {
        ...manifestOfPrograms(compiled, model),
        numerics: { products: numbers, tf32: false, deterministic: false },
      }),
    );
    const state = stateOf(compiled);
    await session.writeState(
      Object.fromEntries(
        compiled.state.map(({ name, shape }) => [
          name,
          { dtype: "f32", shape, data: Float32Array.from(state[name]!) },
        ]),
      ),
    );
    const got: Record<string, number> = {};
    let want: Readonly<Record<string, number>> = {};
    for (const [i, name] of names.entries()) {
      const { inputs } = graphOf(compiled, name);
      const rows = inputs.find(({ attrs }) => attrs.name === "input_ids")?.type.shape[0]?.size ?? 0;
      const values = { ...batchOf(i * rows, rows), ...scalarsOf(compiled, name) };
      const given = Object.fromEntries(
        inputs.map(({ attrs, type }) => [attrs.name, host(type, values[attrs.name as "targets"])]),
      );
      for (const [key, { data }] of Object.entries(await session.run(name, given)))
        if (/^probes\/(activation|gradient)/.test(key)) got[key.slice("probes/".length)] = data[0]!;
      want = { ...want, ...measured(run(compiled, name, state, rows === 0 ? {} : values)) };
    }
    await session.close();
    return { got, want };
  };
  it.skipIf(missing)("follow the evaluator, at once and in passes", async () => {
    const whole = await measure(compile(gated, ["probe_step"]), ["probe_step"], "f32");
    expect(Object.keys(whole.want)).toHaveLength(4 + 3 + 4 + 3 + 6);
    close(whole.got, whole.want, 1e-3);
    const two = { batch: 2, sequence: T };
    const names = ["probe_accumulate", "probe_apply"] as const;
    const parts = await measure(
      compile(gated, names, {}, two),
      ["probe_accumulate", "probe_accumulate", "probe_apply"],
      "f32",
    );
    close(parts.got, parts.want, 1e-3);
  });
  it.skipIf(missing || !bf16)("follow it in bf16", async () => {
    const precision = { is: "bf16", residual: "bf16" };
    const { got, want } = await measure(
      compile(gated, ["probe_step"], { precision, checkpoint: "block" }),
      ["probe_step"],
      "bf16",
    );
    close(got, want, 0.1);
  });
});
