// Products beside each other are the same products.
import { describe, expect, it } from "vitest";
import { variants } from "../../../test/parity/variants.ts";
import { recipe, sequences } from "../../../test/parity/recipes.ts";
import { features } from "../features/index.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluate } from "../ir/evaluate.ts";
import { dims } from "../ir/shape.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { buildPrograms } from "../model/programs.ts";
import { pipeline, runPasses, simplify } from "./index.ts";
import { mergeProducts } from "./merge-products.ts";

const plain = { transposeX: false, transposeY: false } as const;
const productsOf = (graph: Graph): number =>
  nodesOf(graph).filter(({ op }) => op === "matMul").length;

/** A graph of what is given, as its outputs. */
const graphOf = (inputs: readonly Node<"input">[], nodes: readonly Node[]): Graph => ({
  ...{ name: "products", inputs, updates: [] },
  outputs: nodes.map((node, i) => ({ name: String(i), node })),
});
const someValues = (nodes: readonly Node[]): Record<string, number[]> =>
  Object.fromEntries(
    nodes.flatMap((node, n) => {
      if (node.op !== "input" && node.op !== "state") return [];
      const size = node.type.shape.reduce((a, { size }) => a * size, 1);
      return [
        [
          node.attrs.name,
          Array.from({ length: size }, (_, i) => Math.sin(1 + n + i * 0.7)),
        ] as const,
      ];
    }),
  );
/** Products before and after; the results are the same but for rounding. */
const merged = (graph: Graph, once = false): readonly [number, number] => {
  const after = runPasses(graph, [mergeProducts(once), simplify], { verify: true });
  const values = someValues(nodesOf(graph));
  const results = (g: Graph): number[] =>
    Object.values(evaluate(g, { inputs: values, state: values }).outputs).flatMap(({ data }) => [
      ...data,
    ]);
  const [want, got] = [results(graph), results(after)];
  want.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 10));
  return [productsOf(graph), productsOf(after)];
};

const decodeStep = (name: string, precision: object): { readonly graph: Graph; state: object } => {
  const { programs, state } = buildPrograms(
    { ...variants[name]!, context: 6 },
    recipe({ precision: { is: "f32", tf32: false, ...precision } }),
    {
      methods: features,
      programs: ["decode_step"],
      binding: { batch: 1, sequence: 6 },
      generation: { batch: 2, chunk: 4 },
      totalSteps: 1,
    },
  );
  let seed = 5;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
  return {
    graph: runPasses(programs[0]!.graph, pipeline(new Set())),
    state: Object.fromEntries(
      state.map((s) => [
        s.name,
        Float64Array.from({ length: s.shape.reduce((n, d) => n * d, 1) }, random),
      ]),
    ),
  };
};

describe("merge-products", () => {
  // q, k and v are one, gate and up are one: two blocks, and the head
  it.each([
    ["gqa", {}, 15, 9],
    ["gqa", { is: "bf16", residual: "bf16" }, 15, 9],
  ] as const)("changes no value of a decode step: %s %o", (name, precision, before, after) => {
    const { graph, state } = decodeStep(name, precision);
    const merged = runPasses(graph, [mergeProducts(true)], { verify: true });
    const weights = (g: Graph): number => productsOf(g) - 4; // 4 are attention's own
    expect([weights(graph), weights(merged)]).toEqual([before, after]);
    const inputs = { input_ids: [3, 1], positions: [2, 0] };
    const run = (g: Graph) => evaluate(g, { inputs, state: state as Record<string, number[]> });
    expect(run(merged)).toEqual(run(graph));
  });

  const wide = (): {
    readonly b: Builder;
    readonly x: Node<"input">;
    readonly y: Node<"input">;
    readonly weight: (name: string, ...sizes: readonly [number, number]) => Node;
  } => {
    const b = createBuilder();
    const input = (name: string, ...sizes: readonly number[]): Node<"input"> =>
      b.emit("input", [], { name, dtype: "f32", shape: dims(...sizes) });
    return {
      b,
      x: input("x", 2, 32, 3),
      y: input("y", 2, 32, 5),
      weight: (name, ...sizes) => b.emit("state", [], { name, shape: dims(...sizes) }),
    };
  };
  it("joins what reads the same rows, of whatever width", () => {
    const { b, x, weight } = wide();
    const nodes = [weight("a", 3, 2), weight("b", 3, 4)].map((w) =>
      b.emit("matMul", [x, w], plain),
    );
    expect(merged(graphOf([x], nodes))).toEqual([2, 1]);
    const turned = { ...plain, transposeY: true };
    const others = [weight("c", 2, 3), weight("d", 4, 3)].map((w) =>
      b.emit("matMul", [x, w], turned),
    );
    expect(merged(graphOf([x], [...nodes, ...others]))).toEqual([4, 2]);
  });
  it("joins a sum of products, and what the sums on the way are read by keeps them apart", () => {
    const { b, x, y, weight } = wide();
    const turned = { ...plain, transposeY: true };
    const [p, q] = [
      b.emit("matMul", [x, weight("a", 4, 3)], turned),
      b.emit("matMul", [y, weight("b", 4, 5)], turned),
    ];
    const third = b.emit("matMul", [x, weight("c", 4, 3)], turned);
    const two = b.emit("add", [p, q], {});
    const three = b.emit("add", [two, third], {});
    expect(merged(graphOf([x, y], [three]))).toEqual([3, 1]);
    expect(merged(graphOf([x, y], [three, q]))).toEqual([3, 2]); // p and the third share their rows
    expect(merged(graphOf([x, y], [three, two]))).toEqual([3, 2]);
  });
  it("leaves apart products of which one needs the other, through whatever", () => {
    const { b, x, weight } = wide();
    const first = b.emit("matMul", [x, weight("a", 3, 3)], plain);
    const mean = b.emit("reduceMean", [first], { axes: [0, 1], keepDims: false });
    const row = b.emit("reshape", [mean], { shape: dims(1, 3) });
    const second = b.emit("matMul", [x, b.emit("mul", [weight("b", 3, 3), row], {})], plain);
    expect(merged(graphOf([x], [first, second]))).toEqual([2, 2]);
  });
  it("joins one of two pairs that cross", () => {
    // a's second needs b's first, and b's second needs a's first: both pairs at once would wait for each other
    const { b, x, weight } = wide();
    const z = b.emit("neg", [x], {});
    const scaled = (w: Node, by: Node): Node => {
      const mean = b.emit("reduceMean", [by], { axes: [0, 1], keepDims: false });
      return b.emit("mul", [w, b.emit("reshape", [mean], { shape: dims(1, 3) })], {});
    };
    const a1 = b.emit("matMul", [x, weight("a1", 3, 3)], plain);
    const b1 = b.emit("matMul", [z, weight("b1", 3, 3)], plain);
    const a2 = b.emit("matMul", [x, scaled(weight("a2", 3, 3), b1)], plain);
    const b2 = b.emit("matMul", [z, scaled(weight("b2", 3, 3), a1)], plain);
    expect(merged(graphOf([x], [a1, b1, a2, b2]))).toEqual([4, 3]);
  });
  it("joins few rows only where weights are joined once", () => {
    const b = createBuilder();
    const x = b.emit("input", [], { name: "x", dtype: "f32", shape: dims(2, 3) });
    const nodes = ["a", "b"].map((name) =>
      b.emit("matMul", [x, b.emit("state", [], { name, shape: dims(3, 3) })], plain),
    );
    expect(merged(graphOf([x], nodes))).toEqual([2, 2]);
    expect(merged(graphOf([x], nodes), true)).toEqual([2, 1]);
  });
  it("leaves apart what fills a card by itself", () => {
    const pair = (rows: number): Graph => {
      const b = createBuilder();
      const x = b.emit("input", [], { name: "x", dtype: "f32", shape: dims(rows, 1024) });
      const nodes = ["a", "b"].map((name) =>
        b.emit("matMul", [x, b.emit("state", [], { name, shape: dims(1024, 2048) })], plain),
      );
      return graphOf([x], nodes);
    };
    expect(productsOf(mergeProducts(false).run(pair(14_000)))).toBe(1);
    expect(productsOf(mergeProducts(false).run(pair(15_000)))).toBe(2);
    expect(productsOf(mergeProducts(true).run(pair(15_000)))).toBe(1);
  });
  it("halves the products of a training step, and changes no value of it", () => {
    const { programs, state } = buildPrograms(
      { ...variants["gqa"]!, context: 32 },
      recipe({ micro: sequences(2), batch: sequences(2) }),
      {
        ...{ methods: features, programs: ["train_step"], totalSteps: 1 },
        binding: { batch: 2, sequence: 32 },
      },
    );
    const graph = runPasses(programs[0]!.graph, pipeline(new Set()));
    const after = runPasses(graph, [mergeProducts(false), simplify], { verify: true });
    // each block: q, k, v and gate, up are one, with their weights' gradients and what goes back: 21 become 12, without attention's 6
    expect(productsOf(graph) - productsOf(after)).toBe(2 * 9);
    const values = Object.fromEntries(
      state.map(({ name, shape }, n) => [
        name,
        Float64Array.from({ length: shape.reduce((a, d) => a * d, 1) }, (_, i) =>
          name.endsWith("exp_avg_sq") ? 0 : Math.sin(n + i * 0.37) / 4,
        ),
      ]),
    );
    const ids = Float64Array.from({ length: 64 }, (_, i) => (i * 7) % 11);
    const inputs = {
      input_ids: ids,
      targets: ids,
      learning_rate: [1e-3],
      bias1: [0.1],
      bias2: [0.01],
    };
    const run = (g: Graph) => evaluate(g, { inputs, state: values });
    const [want, got] = [run(graph), run(after)];
    for (const [name, value] of Object.entries({ ...want.outputs, ...want.updates }))
      [...value.data].forEach((v, i) =>
        expect({ ...got.outputs, ...got.updates }[name]!.data[i]).toBeCloseTo(v, 9),
      );
  });

  it("leaves apart what reads other rows, other numbers, or no weight", () => {
    const b = createBuilder();
    const input = (name: string): Node<"input"> =>
      b.emit("input", [], { name, dtype: "f32", shape: dims(2, 3) });
    const weight = (name: string): Node => b.emit("state", [], { name, shape: dims(3, 3) });
    const [x, y] = [input("x"), input("y")];
    const nodes = [
      b.emit("matMul", [x, weight("a")], plain),
      b.emit("matMul", [y, weight("a")], plain),
      b.emit("matMul", [x, weight("b")], { ...plain, transposeY: true }),
      b.emit("matMul", [x, b.emit("mul", [weight("a"), weight("b")], {})], plain),
    ];
    const graph: Graph = {
      name: "apart",
      inputs: [x, y],
      outputs: nodes.map((node, i) => ({ name: String(i), node })),
      updates: [],
    };
    expect(productsOf(mergeProducts(true).run(graph))).toBe(4);
  });
});
