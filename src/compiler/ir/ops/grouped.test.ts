// Grouped products by blocks of rows against the plain sum over rows: any load, also one that sends all rows to one group.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expandNode } from "../../passes/expand.ts";
import { createBuilder, rowOf } from "../builder.ts";
import { evaluateNodes } from "../evaluate.ts";
import { dims, unnamed } from "../shape.ts";
import type { Builder, Node } from "../types.ts";
import { nodesOf } from "../walk.ts";
import { blockRows } from "./blocks.ts";
import { tileCount, tilesOf } from "./tiles.ts";

const noise = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_v, i) => Math.sin(1 + i * 1.7 + seed));

/** The op's own value and that of its expansion. */
const both = (
  make: (b: Builder, input: (name: string, ...shape: number[]) => Node, groups: Node) => Node,
  groups: readonly number[],
  values: Readonly<Record<string, Float64Array>>,
): readonly [Float64Array, Float64Array] => {
  const b = createBuilder();
  const input = (name: string, ...shape: number[]): Node =>
    b.emit("input", [], { name, dtype: "f32", shape: shape.map(unnamed) });
  const at = b.emit("input", [], { name: "at", dtype: "i32", shape: dims(groups.length) });
  const node = make(b, input, at);
  const body = expandNode(b, [node], (n) => n.op.startsWith("grouped")).get(node)!;
  const found = evaluateNodes([node, body], { inputs: { ...values, at: groups }, state: {} });
  return [found.get(node)!, found.get(body)!];
};
const close = (got: Float64Array, wanted: Float64Array): void => {
  expect(got.length).toBe(wanted.length);
  wanted.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(1e-12));
};

const [K, N] = [3, 2];
/** Groups of some rows; `E` stands for no group. */
const loads = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }))
  .chain(([E, A]) => fc.tuple(fc.constant(E), fc.array(fc.nat(E), { minLength: A, maxLength: A })));

describe("blocks", () => {
  it("hold a quarter more than the mean load, and never more than there is", () => {
    expect(blockRows(64, 4)).toBe(20);
    expect(blockRows(2048 * 8, 64)).toBe(320);
    expect(blockRows(131_072, 64)).toBe(2560);
    expect(blockRows(3, 2)).toBe(2);
    expect(blockRows(1, 1)).toBe(1);
  });
  it("multiply a few times as many rows as there are, however many groups", () => {
    const multiplied = (A: number, E: number): number => {
      const b = createBuilder();
      const input = (name: string, dtype: "f32" | "i32", ...shape: number[]): Node =>
        b.emit("input", [], { name, dtype, shape: shape.map(unnamed) });
      const inputs = [
        input("x", "f32", A, K),
        input("w", "f32", E, K, N),
        input("at", "i32", A),
      ] as const;
      const node = b.emit("groupedMatMul", [...inputs], { transposeW: false });
      const body = expandNode(b, [node], (n) => n.op.startsWith("grouped")).get(node)!;
      const graph = { name: "g", inputs: [], outputs: [{ name: "y", node: body }], updates: [] };
      return nodesOf(graph).reduce(
        (sum, n) => sum + (n.op === "matMul" ? rowOf(n.op).cost(n).flops / (2 * K * N) : 0),
        0,
      );
    };
    for (const E of [4, 64, 512, 4096])
      for (const A of [1, 8, 64, 2048, 16_384])
        expect(multiplied(A, E), `${A} rows, ${E} groups`).toBeLessThanOrEqual(4.25 * A);
  });
  it("lose no row of a product, whatever the load", () => {
    fc.assert(
      fc.property(loads, fc.boolean(), ([E, groups], transposeW) => {
        const A = groups.length;
        const values = { x: noise(A * K, 0), w: noise(E * K * N, 1) };
        const [plain, expanded] = both(
          (b, input, at) => {
            const w = transposeW ? input("w", E, N, K) : input("w", E, K, N);
            return b.emit("groupedMatMul", [input("x", A, K), w, at], { transposeW });
          },
          groups,
          values,
        );
        close(expanded, plain);
      }),
    );
  });
  it("lose no row of a sum of outer products", () => {
    fc.assert(
      fc.property(loads, ([E, groups]) => {
        const A = groups.length;
        const values = { x: noise(A * K, 0), y: noise(A * N, 1) };
        const [plain, expanded] = both(
          (b, input, at) =>
            b.emit("groupedOuter", [input("x", A, K), input("y", A, N), at], { size: unnamed(E) }),
          groups,
          values,
        );
        close(expanded, plain);
      }),
    );
  });
});

describe("tiles", () => {
  it("cover each row of a group once, and no other", () => {
    fc.assert(
      fc.property(loads, fc.integer({ min: 1, max: 5 }), ([E, groups], rows) => {
        const b = createBuilder();
        const shape = dims(groups.length);
        const at = b.emit("input", [], { name: "at", dtype: "i32", shape });
        const tiles = tilesOf(b, at, E, rows);
        const found = evaluateNodes(Object.values(tiles) as Node[], {
          inputs: { at: groups },
          state: {},
        });
        const of = (name: keyof typeof tiles): Float64Array => found.get(tiles[name])!;
        const seen: number[] = [];
        expect(of("tileGroup")).toHaveLength(tileCount(groups.length, E, rows));
        of("tileGroup").forEach((group, i) => {
          if (group < 0) return;
          const [from, end] = [of("tileFirst")[i]!, of("tileEnd")[i]!];
          expect(end).toBeGreaterThan(from);
          for (let place = from; place < Math.min(from + rows, end); place++) {
            const row = of("order")[place]!;
            expect(groups[row]).toBe(group);
            seen.push(row);
          }
        });
        const known = groups.flatMap((g, row) => (g < E ? [row] : []));
        expect(seen.sort((x, y) => x - y)).toEqual(known);
        for (let g = 0; g < E; g++) {
          const own = of("order").subarray(of("first")[g], of("end")[g]);
          expect([...own]).toEqual(groups.flatMap((h, row) => (h === g ? [row] : [])));
        }
      }),
    );
  });
});
