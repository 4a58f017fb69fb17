// Kernels of grouped products, which only cards can run: their text on plain arrays against the op's evaluator, at sizes that
// no tile divides; and where the card's form of a program calls them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runKernel } from "../../../test/helpers/triton.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import { tileCount, tilesOf } from "../ir/ops/tiles.ts";
import { count, dims } from "../ir/shape.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { differentiate } from "../passes/differentiate.ts";
import { matMulKernel, outerKernel, type Tile } from "./grouped-kernels.ts";
import { isCardProduct, planGroupedProducts } from "./grouped-products.ts";
import { nodesOf } from "../ir/walk.ts";
import { graphsFor } from "./saved-model/forms.ts";

const noise = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(1 + i * 1.7 + seed));
const tile: Tile = { rows: 4, columns: 8, depth: 4, warps: 4, stages: 3 };

/** Groups of picks, two for each of some tokens; `E` stands for none. */
const picks = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }))
  .chain(([E, N]) =>
    fc.tuple(fc.constant(E), fc.array(fc.nat(E), { minLength: 2 * N, maxLength: 2 * N })),
  );
const widths = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 17 }));

/** The op on these groups by the evaluator, and the lists of integers that its kernel is guided by. */
const evaluated = (
  E: number,
  groups: readonly number[],
  shared: boolean,
  make: (b: Builder, input: (name: string, ...sizes: number[]) => Node, at: Node) => Node,
) => {
  const b = createBuilder();
  const A = groups.length;
  const at = b.emit("input", [], { name: "at", dtype: "i32", shape: dims(A / 2, 2) });
  const inputs: Record<string, Float64Array | readonly number[]> = { at: groups };
  const input = (name: string, ...sizes: number[]): Node => {
    const shape =
      name === "w" ? sizes : shared && name === "x" ? [A / 2, ...sizes] : [A / 2, 2, ...sizes];
    inputs[name] = noise(
      shape.reduce((n, d) => n * d, 1),
      name.charCodeAt(0),
    );
    return b.emit("input", [], { name, dtype: "f32", shape: dims(...shape) });
  };
  const node = make(b, input, at);
  const tiles = tilesOf(b, b.emit("reshape", [at], { shape: dims(A) }), E, tile.rows);
  const found = evaluateNodes([node, ...(Object.values(tiles) as Node[])], { inputs, state: {} });
  return {
    wanted: found.get(node)!,
    value: (name: string): Float64Array => Float64Array.from(inputs[name]!),
    of: (name: keyof typeof tiles): Float64Array => found.get(tiles[name])!,
  };
};
const close = (got: Float64Array, wanted: Float64Array): void =>
  wanted.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(1e-12));

describe("kernels", () => {
  it("multiply each row by the matrix of its group", () => {
    fc.assert(
      fc.property(
        picks,
        widths,
        fc.boolean(),
        fc.boolean(),
        ([E, groups], [K, N], transposeW, shared) => {
          const A = groups.length;
          const { wanted, value, of } = evaluated(E, groups, shared, (b, input, at) => {
            const w = transposeW ? input("w", E, N, K) : input("w", E, K, N);
            return b.emit("groupedMatMul", [input("x", K), w, at], { transposeW });
          });
          const each = shared ? 2 : 1;
          const kernel = matMulKernel(
            { K, N, each, transposeW, tiles: tileCount(A, E, tile.rows) },
            tile,
          );
          const y = new Float64Array(A * N);
          runKernel(kernel.text, kernel.grid, {
          x: value("x"), w: value("w"), order: of("order"), group: of("tileGroup"), first: of("tileFirst"), end: of("tileEnd"), y,
        }); // prettier-ignore
          close(y, wanted);
        },
      ),
      { numRuns: 40 },
    );
  });
  it("sum the outer products of each group", () => {
    fc.assert(
      fc.property(picks, widths, fc.boolean(), ([E, groups], [M, N], shared) => {
        const { wanted, value, of } = evaluated(E, groups, shared, (b, input, at) =>
          b.emit("groupedOuter", [input("x", M), input("y", N), at], { size: dims(E)[0]! }),
        );
        const kernel = outerKernel({ E, M, N, xEach: shared ? 2 : 1, yEach: 1 }, tile);
        const out = new Float64Array(E * M * N).fill(NaN);
        runKernel(kernel.text, kernel.grid, {
          x: value("x"), y: value("y"), order: of("order"), first: of("first"), end: of("end"), out,
        }); // prettier-ignore
        close(out, wanted);
      }),
      { numRuns: 40 },
    );
  });
});

/** A loss over experts and its gradients; picks by `topK`, or as given. */
const step = (dtype: "f32" | "bf16", chosen: boolean): Graph => {
  const b = createBuilder();
  const input = (name: string, of: "f32" | "i32", ...shape: number[]): Node<"input"> =>
    b.emit("input", [], { name, dtype: of, shape: dims(...shape) });
  const [x, up, down] = [
    input("x", "f32", 6, 8),
    input("up", "f32", 4, 8, 5),
    input("down", "f32", 4, 5, 8),
  ];
  const at = chosen
    ? b.emit("topK", [input("scores", "f32", 6, 4)], { k: dims(2)[0]! })
    : input("at", "i32", 6, 2);
  const cast = (y: Node): Node => (dtype === "f32" ? y : b.emit("cast", [y], { dtype }));
  const by = (y: Node, w: Node): Node => b.emit("groupedMatMul", [y, w, at], { transposeW: false });
  const made = by(b.emit("silu", [by(cast(x), cast(up))], {}), cast(down));
  const wide = dtype === "f32" ? made : b.emit("cast", [made], { dtype: "f32" });
  const loss = b.emit("reduceSum", [b.emit("square", [wide], {})], {
    axes: [0, 1, 2],
    keepDims: false,
  });
  const grads = differentiate(b, loss, [x, up, down]);
  return {
    name: "step",
    inputs: nodesOf({
      name: "",
      inputs: [],
      outputs: [{ name: "", node: loss }],
      updates: [],
    }).filter((n) => n.op === "input"),
    outputs: [{ name: "loss", node: loss }, ...grads.map((node, i) => ({ name: `d${i}`, node }))],
    updates: [],
  };
};
const opsOf = (graph: Graph | undefined, op: string): readonly Node[] =>
  graph === undefined ? [] : nodesOf(graph).filter((n) => n.op === op);

describe("the form for cards", () => {
  it("calls a kernel for each product, and plans once", () => {
    const { nodes } = graphsFor(["cudnn"], step("bf16", true)).cudnn!;
    const count = (op: string): number => nodes.filter((n) => n.op === op).length;
    expect(count("XlaCallModule")).toBe(6);
    expect(count("Cumsum")).toBe(3); // rows before a row, places before a group, tiles before a group
    expect(count("BatchMatMulV2")).toBe(0);
  });
  it("is not made for f32, whose products are the vendor's", () => {
    const { nodes } = graphsFor(["cudnn"], step("f32", true)).cudnn!;
    expect(nodes.filter((n) => n.op === "XlaCallModule")).toEqual([]);
  });
  it("clears rows without a group, unless every row has one", () => {
    const planned = (chosen: boolean): Graph => planGroupedProducts(step("bf16", chosen));
    expect(opsOf(planned(true), "select")).toHaveLength(opsOf(planned(false), "select").length - 4);
    for (const node of nodesOf(planned(true)))
      if (isCardProduct(node)) expect(node.inputs.length).toBeGreaterThan(3);
  });
  it("computes what it did", () => {
    const graph = step("bf16", false);
    const values = (g: Graph): Readonly<Record<string, Float64Array>> =>
      Object.fromEntries(
        g.inputs.map((n, i) => [
          n.attrs.name,
          n.attrs.dtype === "i32"
            ? Float64Array.from({ length: count(n.type) }, (_, j) => (j * 3) % 5)
            : noise(count(n.type), i),
        ]),
      );
    const of = (g: Graph): readonly Float64Array[] => {
      const nodes = g.outputs.map((o) => o.node);
      const found = evaluateNodes(nodes, { inputs: values(g), state: {} });
      return nodes.map((n) => found.get(n)!);
    };
    expect(of(planGroupedProducts(graph))).toEqual(of(graph));
  });
});
