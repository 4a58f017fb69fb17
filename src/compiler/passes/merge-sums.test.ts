// One sum for many is the same sums.
import { describe, expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { evaluate } from "../ir/evaluate.ts";
import { dims } from "../ir/shape.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import { runPasses } from "./index.ts";
import { mergeSums } from "./merge-sums.ts";

const sum = (b: Builder, x: Node, axes: readonly number[]): Node =>
  b.emit("reduceSum", [x], { axes, keepDims: false });
const input = (b: Builder, name: string, ...sizes: readonly number[]): Node<"input"> =>
  b.emit("input", [], { name, dtype: "f32", shape: dims(...sizes) });
const graphOf = (inputs: readonly Node<"input">[], nodes: readonly Node[]): Graph => ({
  ...{ name: "sums", inputs, updates: [] },
  outputs: nodes.map((node, i) => ({ name: String(i), node })),
});
const sumsOf = (graph: Graph): readonly string[] =>
  nodesOf(graph)
    .filter(({ op }) => op === "reduceSum")
    .map(({ inputs: [x], type }) =>
      [x!.type, type].map(({ shape }) => shape.map((d) => d.size).join("x")).join(" -> "),
    );
/** After the pass, with the values of before. */
const merged = (graph: Graph): Graph => {
  const after = runPasses(graph, [mergeSums], { verify: true });
  const inputs = Object.fromEntries(
    graph.inputs.map(({ attrs: { name }, type }, n) => [
      name,
      Float64Array.from({ length: type.shape.reduce((a, d) => a * d.size, 1) }, (_, i) =>
        Math.sin(n + 1 + i * 0.37),
      ),
    ]),
  );
  const [want, got] = [graph, after].map((g) => evaluate(g, { inputs, state: {} }).outputs);
  for (const [name, { data }] of Object.entries(want!))
    data.forEach((v, i) => expect(got![name]!.data[i]).toBeCloseTo(v, 10));
  return after;
};

describe("merge-sums", () => {
  it("makes one sum of sums over everything, of as many rows", () => {
    const b = createBuilder();
    const [x, y, z] = [input(b, "x", 3, 64), input(b, "y", 3, 80), input(b, "z", 4, 64)];
    const low = b.emit("cast", [y], { dtype: "bf16" });
    const nodes = [sum(b, x, [0, 1]), sum(b, b.emit("square", [y], {}), [0, 1]), sum(b, z, [0, 1])];
    expect(sumsOf(merged(graphOf([x, y, z], nodes)))).toEqual(
      expect.arrayContaining(["3x64 -> 3", "3x80 -> 3", "2x3 -> 2", "4x64 -> "]),
    );
    // of bf16 in f32, and rounded at the end
    const after = runPasses(
      graphOf([x, y], [sum(b, x, [0, 1]), b.emit("cast", [sum(b, low, [0, 1])], { dtype: "f32" })]),
      [mergeSums],
      { verify: true },
    );
    expect(
      nodesOf(after)
        .filter((n) => n.op === "reduceSum")
        .map((n) => n.type.dtype),
    ).toEqual(["f32", "f32", "f32"]);
  });
  it("makes one sum of sums down to the last axis", () => {
    const b = createBuilder();
    const [x, y] = [input(b, "x", 2, 64, 3), input(b, "y", 2, 16, 4, 3)];
    const nodes = [sum(b, x, [0, 1]), sum(b, y, [0, 1, 2])];
    expect(sumsOf(merged(graphOf([x, y], nodes)))).toEqual([
      ...["2x64x3 -> 2x3", "2x16x4x3 -> 2x3", "2x2x3 -> 2x3"],
    ]);
  });
  it("leaves apart what needs another, short rows, other axes, and what is alone", () => {
    const b = createBuilder();
    const [x, y] = [input(b, "x", 3, 64), input(b, "y", 3, 64)];
    const first = sum(b, x, [0, 1]);
    const cases: readonly (readonly Node[])[] = [
      [first, sum(b, b.emit("mul", [first, y], {}), [0, 1])],
      [first, sum(b, y, [0])],
      [first],
    ];
    for (const nodes of cases) {
      const graph = graphOf([x, y], nodes);
      expect(sumsOf(merged(graph))).toEqual(sumsOf(graph));
    }
    const short = ["s", "t"].map((name) => input(b, name, 3, 63));
    const graph = graphOf(
      short,
      short.map((node) => sum(b, node, [0, 1])),
    );
    expect(sumsOf(merged(graph))).toEqual(sumsOf(graph));
  });
});
