// Sums along rows are the same sums when products with ones make them.
import { describe, expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { evaluate } from "../ir/evaluate.ts";
import { count, dims } from "../ir/shape.ts";
import type { Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { forXla, runPasses } from "./index.ts";
import { sumsAsProducts } from "./sums-as-products.ts";

interface Sum {
  readonly op?: "reduceSum" | "reduceMean" | "reduceMax";
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly keepDims?: boolean;
  readonly dtype?: "f32" | "bf16";
}
const graphOf = ({
  op = "reduceSum",
  shape,
  axes,
  keepDims = false,
  dtype = "f32",
}: Sum): Graph => {
  const b = createBuilder();
  const x = b.emit("input", [], { name: "x", dtype, shape: dims(...shape) });
  const node: Node = b.emit(op, [x], { axes, keepDims });
  return { name: "sum", inputs: [x], updates: [], outputs: [{ name: "y", node }] };
};
const opsOf = (graph: Graph): readonly string[] => nodesOf(graph).map(({ op }) => op);
const valuesOf = (graph: Graph): readonly number[] => {
  const data = Float64Array.from({ length: count(graph.inputs[0]!.type) }, (_, i) =>
    Math.sin(1 + i * 0.37),
  );
  return [...evaluate(graph, { inputs: { x: data }, state: {} }).outputs["y"]!.data];
};

describe("sums-as-products", () => {
  it.each<Sum>([
    { shape: [16, 128], axes: [1] },
    { shape: [4, 8, 130], axes: [2], keepDims: true },
    { op: "reduceMean", shape: [2, 16, 128], axes: [2], keepDims: true },
    { op: "reduceMean", shape: [2, 16, 128], axes: [0, 2] },
    { shape: [2, 16, 128], axes: [0, 1, 2] },
    { op: "reduceMean", shape: [2, 16, 128], axes: [0, 1, 2], keepDims: true },
  ])("%j", (sum) => {
    const before = graphOf(sum);
    const after = runPasses(before, [sumsAsProducts], { verify: true });
    expect(opsOf(after)).toContain("matMul");
    expect(after.outputs[0]!.node.type).toEqual(before.outputs[0]!.node.type);
    const want = valuesOf(before);
    valuesOf(after).forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 10));
  });

  it.each<Sum>([
    { shape: [128, 16], axes: [0] },
    { shape: [16, 127], axes: [1] },
    { shape: [15, 128], axes: [1] },
    { shape: [4096], axes: [0] },
    { op: "reduceMax", shape: [16, 128], axes: [1] },
    { shape: [16, 128], axes: [1], dtype: "bf16" },
  ])("leaves %j", (sum) => {
    const after = sumsAsProducts.run(graphOf(sum));
    expect(opsOf(after)).toEqual(["input", sum.op ?? "reduceSum"]);
  });

  it("is for what XLA compiles for a CPU", () => {
    const graph = graphOf({ shape: [16, 128], axes: [1] });
    const ops = (onCpu: boolean) => opsOf(forXla(graph, () => false, false, onCpu));
    expect([ops(true).includes("matMul"), ops(false).includes("matMul")]).toEqual([true, false]);
  });
});
