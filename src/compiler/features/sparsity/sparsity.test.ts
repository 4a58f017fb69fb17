// Densities and masked updates against the authors' code of NeuroTrails; masks of whole models; what training keeps at zero.
import { describe, expect, it } from "vitest";
import { golden, maxDifference, readGolden, readJson } from "../../../../test/parity/golden.ts";
import { everything, recipe as recipeWith, steps } from "../../../../test/parity/recipes.ts";
import { evaluateScalar } from "../../../bundle/scalar.ts";
import { initialState, initialValues } from "../../../runtime/state.ts";
import { analyzeText } from "../../analyze.ts";
import { createBuilder } from "../../ir/builder.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { printGraph } from "../../ir/text.ts";
import { densitiesOf, masked } from "../../model/masks.ts";
import { dim } from "../../model/ops.ts";
import { createParameters } from "../../model/parameters.ts";
import { buildPrograms } from "../../model/programs.ts";
import { applyGradients, planOf } from "../../model/training.ts";
import type { Compiled } from "../../model/types.ts";
import type { Variant } from "../../semantics/spec.ts";
import { features } from "../index.ts";
import { densities, type Distribution } from "./densities.ts";

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

describe("densities", () => {
  const official = readJson("sparsity/densities.json") as {
    readonly tolerance: number;
    readonly shapes: Readonly<Record<string, readonly (readonly number[])[]>>;
    readonly rows: readonly {
      readonly shapes: string;
      readonly init: Distribution;
      readonly density: number;
      readonly densities: readonly number[];
    }[];
  };
  it.each(official.rows.map((row) => [row.init, row.density, row.shapes, row] as const))(
    "%s of %d: %s as the authors' code has it",
    (_init, _density, _shapes, row) => {
      const tensors = official.shapes[row.shapes]!.map((shape) => ({ shape, count: 1 }));
      const found = densities(row.init, row.density, tensors);
      expect(maxDifference(found, row.densities)).toBeLessThan(official.tolerance);
      const [kept, all] = tensors.reduce(
        ([k, n], { shape }, i) => [k + found[i]! * sizeOf(shape), n + sizeOf(shape)],
        [0, 0],
      );
      expect(kept / all).toBeCloseTo(row.density, 12);
    },
  );
  it("uniform is the same for all, and a budget of everything leaves everything", () => {
    const tensors = [[4, 4], [32, 8, 3, 3], [100, 2]].map((shape) => ({ shape, count: 1 })); // prettier-ignore
    expect(maxDifference(densities("uniform", 0.3, tensors), [0.3, 0.3, 0.3])).toBeLessThan(1e-15);
    expect(densities("erk", 1, tensors)).toEqual([1, 1, 1]);
  });
  it("a stack of matrices counts as that many", () => {
    const stacked = densities("erk", 0.4, [
      { shape: [8, 8], count: 1 },
      { shape: [16, 8], count: 5 },
    ]);
    const apart = densities("erk", 0.4, [
      { shape: [8, 8], count: 1 },
      ...Array.from({ length: 5 }, () => ({ shape: [16, 8], count: 1 })),
    ]);
    expect(stacked[0]).toBeCloseTo(apart[0]!, 12);
    expect(stacked[1]).toBeCloseTo(apart[1]!, 12);
  });
});

const rule = (value: Variant) => ({ selector: everything, text: "*", value });

describe.each(["sgd", "adam"])("two updates of the authors' masked %s", (name) => {
  const official = readJson(`sparsity/${name}.json`) as {
    readonly density: number;
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly optimizer: {
      readonly lr: number;
      readonly weight_decay: number;
      readonly betas?: readonly number[];
      readonly eps?: number;
      readonly momentum?: number;
      readonly nesterov?: boolean;
    };
    readonly densities: Readonly<Record<string, number>>;
  };
  const tensors = readGolden(`sparsity/${name}.safetensors`);
  const { lr, weight_decay: rate, ...more } = official.optimizer;
  const { betas = [], eps = 0, momentum = 0, nesterov = false } = more;
  const optimizer: Variant =
    name === "sgd" ? { is: "sgd", lr, momentum, nesterov } : { is: "adam", lr, betas, eps };
  const recipe = recipeWith({
    optimizer,
    schedule: { is: "constant", warmup: steps(0) },
    decay: [rule({ is: "constant", rate })],
    sparsity: [rule({ is: "fixed", density: official.density, init: "erk" })],
    clip: null,
  });
  const b = createBuilder();
  const params = createParameters(b);
  for (const [key, shape] of Object.entries(official.shapes))
    params.get({
      ...{ name: key, diskName: key, shape: shape.map((size) => dim("", size)), role: "weight" },
      init: { kind: "constant", value: 0 },
    });
  const found = densitiesOf(recipe, params.list(), features, 0);

  it("densities and masks", () => {
    for (const [key, density] of Object.entries(official.densities)) {
      expect(found.get(key) ?? 1).toBeCloseTo(density, 12);
      const { data } = golden(tensors, `uniform.${key}`);
      expect(data.map((u) => (u < (found.get(key) ?? 1) ? 1 : 0))).toEqual(
        golden(tensors, `mask.${key}`).data,
      );
    }
    expect([...found.keys()].every((key) => key in official.densities)).toBe(true);
  });
  it("weights, and momentum where it is masked", () => {
    const plan = planOf(recipe, 20, 0, found);
    const names = Object.keys(official.shapes);
    const grads = params.list().map(({ name: key, shape, role }) => ({
      ...{ name: key, role },
      grad: b.emit("input", [], { name: `grad.${key}`, dtype: "f32", shape }),
    }));
    const applied = applyGradients(b, plan, [], params, masked(b, found, grads));
    const graph = { name: "apply", ...applied };
    const state: Record<string, ArrayLike<number>> = {};
    for (const key of names) {
      const mask = found.has(key) ? golden(tensors, `mask.${key}`).data : undefined;
      const { data } = golden(tensors, `init.${key}`);
      state[key] = data.map((x, i) => (mask?.[i] === 0 ? 0 : x));
      if (mask !== undefined) state[`${key}/mask`] = mask;
      for (const slot of plan.optimizer.slots)
        state[`${key}/${slot}`] = new Float64Array(data.length);
    }
    for (const step of [1, 2]) {
      const scalars = Object.entries(applied.scalars).map(
        ([key, expr]) => [key, [evaluateScalar(expr, step)]] as const,
      );
      const given = names.map(
        (key) => [`grad.${key}`, golden(tensors, `${step}.grad.${key}`).data] as const,
      );
      const { updates } = evaluate(graph, {
        inputs: Object.fromEntries<ArrayLike<number>>([...scalars, ...given]),
        state,
      });
      for (const [key, { data }] of Object.entries(updates)) state[key] = data;
      for (const key of names) {
        const wanted = golden(tensors, `${step}.weight.${key}`).data;
        expect(maxDifference(state[key]!, wanted), `${key} after ${step}`).toBeLessThan(5e-7);
        if (name !== "sgd") continue;
        const buffer = golden(tensors, `${step}.momentum_buffer.${key}`).data;
        expect(maxDifference(state[`${key}/momentum`]!, buffer)).toBeLessThan(5e-7);
      }
    }
  });
});

const text = (sparsity: string, more = "", trails = "split(heads: 3, blocks_in_head: 1)"): string =>
  `spec 1
model Small {
  vocab_size = 256
  hidden_size = 24
  context = 8
  trails = ${trails}
  blocks 2 { norm = pre() attention = mha(heads: 2) ffn = swiglu(intermediate: 40) }
}
recipe R for Small {
  data = text("a.txt", sequence: 8)
  batch = 4 sequences
  length = 4 steps
  schedule = constant()
  decay { * => constant(0.1) }
  ${sparsity}
  ${more}
}`;
const compiled = (
  source: string,
  names: readonly ("train_step" | "accumulate" | "apply")[] = ["train_step"],
): Compiled => {
  const { spec, diagnostics } = analyzeText("small.arch", source);
  expect(diagnostics).toEqual([]);
  const recipe = spec!.recipes["R"]!;
  return buildPrograms(spec!.models["Small"]!, recipe, {
    methods: features,
    programs: names,
    binding: { batch: recipe.micro.value, sequence: 8 },
    totalSteps: 4,
  });
};

describe("masks of a model", () => {
  const half = compiled(text("sparsity { * => fixed(density: 0.5, init: uniform) }"));
  const masks = half.state.flatMap((entry) => (entry.kind === "mask" ? [entry] : []));
  const valuesOf = (name: string, seed = 3): Uint8Array => {
    const entry = masks.find((m) => m.name === `${name}/mask`)!;
    return initialValues(entry, seed).data as Uint8Array;
  };
  it("are of every matrix and of no vector", () => {
    const matrices = half.state.filter(({ kind, shape }) => kind === "param" && shape.length === 2);
    expect(masks.map(({ name }) => name)).toEqual(matrices.map(({ name }) => `${name}/mask`));
    expect(masks.map(({ name }) => name)).toContain("heads.2.head.weight/mask");
    expect(masks.every(({ dtype, diskName }) => dtype === "bool" && diskName.endsWith("/mask"))).toBe(true); // prettier-ignore
  });
  it("of different heads are independent, of the same seed the same", () => {
    const names = [0, 1, 2].map((head) => `heads.${head}.blocks.1.ffn.up.weight`);
    const [a, b] = names.map((name) => valuesOf(name));
    const share = (xs: ArrayLike<number>): number => Array.from(xs).reduce((s, x) => s + x, 0) / xs.length; // prettier-ignore
    // 960 draws: 4 deviations
    expect(Math.abs(share(a!) - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 960));
    expect(Math.abs(share(a!.map((x, i) => x * b![i]!)) - 0.25)).toBeLessThan(4 * Math.sqrt(0.1875 / 960)); // prettier-ignore
    expect(valuesOf(names[0]!)).toEqual(a);
    expect(valuesOf(names[0]!, 4)).not.toEqual(a);
  });
  it("each rule has a budget of its own, and a part may be left alone", () => {
    const { densities: found } = compiled(
      text(`sparsity {
        heads[0].* => fixed(density: 0.3, init: uniform)
        heads[1].* => none
        heads[2].blocks.* => fixed(density: 0.6, init: uniform)
        * => none
      }`),
    );
    const ofHead = [0, 1, 2].map((head) =>
      Object.entries(found).flatMap(([key, d]) => (key.startsWith(`heads.${head}.`) ? [d] : [])),
    );
    expect(ofHead.map((head) => head.length)).toEqual([8, 0, 7]);
    expect(ofHead[0]!.every((d) => Math.abs(d - 0.3) < 1e-12)).toBe(true);
    expect(ofHead[2]!.every((d) => Math.abs(d - 0.6) < 1e-12)).toBe(true);
    expect(Object.keys(found)).toHaveLength(15);
  });
  it("of density 1 are none: the programs are those of a dense recipe", () => {
    const [dense, whole] = ["", "sparsity { * => fixed(density: 1) }"].map((s) =>
      compiled(text(s)),
    );
    expect(whole!.state).toEqual(dense!.state);
    expect(printGraph(whole!.programs[0]!.graph)).toBe(printGraph(dense!.programs[0]!.graph));
  });
  it("follow the sizes of one model with one head", () => {
    const [plain, one] = ["none", "split(heads: 1, blocks_in_head: 1)"].map((trails) =>
      compiled(text("sparsity { * => fixed(density: 0.4) }", "", trails)),
    );
    expect(one!.state).toEqual(plain!.state);
    expect(printGraph(one!.programs[0]!.graph)).toBe(printGraph(plain!.programs[0]!.graph));
  });
});

describe("what training keeps at zero", () => {
  const sparse = "sparsity { embedding => none\n * => fixed(density: 0.4) }";
  it.each([
    ["adamw", "optimizer = adamw(lr: 0.01)", ["train_step"]],
    ["adam, which adds its decay to the gradient", "optimizer = adam(lr: 0.01)", ["train_step"]],
    ["sgd", "optimizer = sgd(lr: 0.1, momentum: 0.9, nesterov: true)", ["train_step"]],
    ["a clip", "optimizer = adamw(lr: 0.01)\n clip = global_norm(0.5)", ["train_step"]],
    ["blocks computed again", "checkpoint = block", ["train_step"]],
    ["two passes an update", "micro = 2 sequences", ["accumulate", "apply"]],
  ] as const)("with %s", (_name, more, programs) => {
    const { state: entries, programs: built } = compiled(text(sparse, more), programs);
    const state: Record<string, ArrayLike<number>> = Object.fromEntries(
      [...initialState(entries, 5)].map(([{ name }, { data }]) => [name, Float64Array.from(data)]),
    );
    const before = { ...state };
    const masks = entries.filter(({ kind }) => kind === "mask");
    expect(masks.length).toBeGreaterThan(10);
    for (let step = 1; step <= 2; step += 1)
      for (const { graph, scalars } of built) {
        const inputs: Record<string, ArrayLike<number>> = Object.fromEntries(
          Object.entries(scalars).map(([key, expr]) => [key, [evaluateScalar(expr, step)]]),
        );
        for (const input of graph.inputs.filter(({ type }) => type.dtype === "i32"))
          inputs[input.attrs.name] = Array.from(
            { length: sizeOf(input.type.shape.map((d) => d.size)) },
            (_, i) => (i * 5 + step) % 13,
          );
        const { updates } = evaluate(graph, { inputs, state });
        for (const [key, { data }] of Object.entries(updates)) state[key] = data;
      }
    for (const { name } of masks) {
      const parameter = name.replace("/mask", "");
      const kept = state[name]!;
      expect(kept).toBe(before[name]);
      const slots = entries.filter(
        ({ kind, name: key }) => kind === "slot" && key.startsWith(`${parameter}/`),
      );
      for (const key of [parameter, ...slots.map((slot) => slot.name)])
        Array.from(state[key]!).forEach((x, i) => {
          if (kept[i] === 0) expect(Math.abs(x), `${key}[${i}]`).toBe(0);
        });
      const moved = Array.from(state[parameter]!).filter((x, i) => x !== before[parameter]![i]);
      expect(moved.length).toBeGreaterThan(0.9 * Array.from(kept).filter((k) => k === 1).length);
    }
  });
});
