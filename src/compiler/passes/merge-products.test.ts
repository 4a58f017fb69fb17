// Products beside each other are the same products.
import { describe, expect, it } from "vitest";
import { variants } from "../../../test/parity/variants.ts";
import { recipe } from "../../../test/parity/recipes.ts";
import { features } from "../features/index.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluate } from "../ir/evaluate.ts";
import type { Dim, Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { buildPrograms } from "../model/programs.ts";
import { pipeline, runPasses } from "./index.ts";
import { mergeProducts } from "./merge-products.ts";

const dims = (...sizes: readonly number[]): Dim[] => sizes.map((size) => ({ name: "", size }));
const plain = { transposeX: false, transposeY: false } as const;
const productsOf = (graph: Graph): number =>
  nodesOf(graph).filter(({ op }) => op === "matMul").length;

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
    const merged = runPasses(graph, [mergeProducts], { verify: true });
    const weights = (g: Graph): number => productsOf(g) - 4; // 4 are attention's own
    expect([weights(graph), weights(merged)]).toEqual([before, after]);
    const inputs = { input_ids: [3, 1], positions: [2, 0] };
    const run = (g: Graph) => evaluate(g, { inputs, state: state as Record<string, number[]> });
    expect(run(merged)).toEqual(run(graph));
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
    expect(productsOf(mergeProducts.run(graph))).toBe(4);
  });
});
