// Grouped products on cards: each is one kernel of grouped-kernels.ts behind a custom call of XLA. The graph is first told where
// the rows of each group are, once for all products over the same groups.
import { rewriteGraph, rule } from "../ir/rewrite.ts";
import { count, dims, unnamed } from "../ir/shape.ts";
import { eachOf } from "../ir/ops/grouped.ts";
import { tileCount, tilesOf } from "../ir/ops/tiles.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import type { Emit, Value } from "./emit.ts";
import { matMulKernel, outerKernel, type KernelText, type Tile } from "./grouped-kernels.ts";
import type { LoweringTable } from "./lowering-table.ts";
import { callModule, hloModule, stringAttribute, type HloType, type Layout } from "./stablehlo.ts";

type Grouped = Node<"groupedMatMul" | "groupedOuter">;
const TARGET = "__gpu$xla.gpu.triton";
/** Of several tried on an H100 with 131 072 rows of 63 groups, 1024 × 704: 440 TFLOP/s, sums of outer products 380. */
const TILE: Tile = { rows: 128, columns: 128, depth: 64, warps: 4, stages: 3 };
/** Kernels count elements of rows in 32 bits. */
const MOST_ELEMENTS = 2 ** 31 - 1;

/** What the kernels take: half precision, and no more rows than they can count. */
export const isCardProduct = (node: Node): node is Grouped => {
  if (node.op !== "groupedMatMul" && node.op !== "groupedOuter") return false;
  const [x, y, groups] = node.inputs;
  const rows = count(groups.type);
  const widest = Math.max(...[x, y, node].map((z) => z.type.shape.at(-1)!.size));
  return x.type.dtype === "bf16" && rows * widest <= MOST_ELEMENTS;
};

/** Whether every row has a group: picks do, until a capacity takes some of them back. */
const isWhole = (groups: Node): boolean => groups.op === "topK";

const planned = rule(
  "plan-grouped",
  "tell a grouped product where its rows are",
  ["groupedMatMul", "groupedOuter"],
  (b, node) => {
    const [x, y, groups, ...plan] = node.inputs;
    if (plan.length > 0 || !isCardProduct(node)) return undefined;
    const E = (node.op === "groupedOuter" ? node : y).type.shape[0]!.size;
    const line = b.emit("reshape", [groups], { shape: dims(count(groups.type)) });
    const tiles = tilesOf(b, line, E, TILE.rows);
    if (node.op === "groupedOuter")
      return b.emit(
        "groupedOuter",
        [x, y, groups, tiles.order, tiles.first, tiles.end],
        node.attrs,
      );
    const { order, tileGroup, tileFirst, tileEnd } = tiles;
    const made = b.emit(
      "groupedMatMul",
      [x, y, groups, order, tileGroup, tileFirst, tileEnd],
      node.attrs,
    );
    return isWhole(groups) ? made : whereKnown(b, groups, E, made);
  },
);
/** A kernel leaves rows without a group as they are in memory: they become zeros. */
const whereKnown = (b: Builder, groups: Node, E: number, y: Node): Node => {
  const whole = (value: number): Node => b.emit("full", [], { dtype: "i32", shape: [], value });
  const known = b.emit(
    "and",
    [b.emit("greaterEqual", [groups, whole(0)], {}), b.emit("less", [groups, whole(E)], {})],
    {},
  );
  const column = b.emit("reshape", [known], {
    shape: [...known.type.shape, unnamed(1)],
  });
  const zero = b.emit("full", [], { dtype: y.type.dtype, shape: [], value: 0 });
  return b.emit("select", [column, y, zero], {});
};
export const planGroupedProducts = (graph: Graph): Graph => rewriteGraph(graph, [planned]);

const straight = ({ shape }: HloType): Layout => shape.map((_, axis) => axis);
const call = (emit: Emit, inputs: readonly Value[], node: Grouped, kernel: KernelText): Value => {
  const own = { dtype: "bf16", shape: node.type.shape.map((d) => d.size) } as const;
  const integer = (value: number): string => `${value} : i32`;
  const { name, text, grid, tile } = kernel;
  const module = hloModule(inputs, (write, parameters) =>
    write.customCall({
      target: TARGET,
      config: {
        attributes: {
          debug: "false",
          grid_x: integer(grid[0]),
          grid_y: integer(grid[1]),
          grid_z: integer(1),
          ir: stringAttribute(text),
          name: stringAttribute(name),
          num_stages: integer(tile.stages),
          num_warps: integer(tile.warps),
        },
      },
      operands: parameters.map((value) => ({ value, layout: straight(value) })),
      results: [{ type: own, layout: straight(own) }],
    }),
  );
  return emit.node("XlaCallModule", inputs, callModule(module, inputs, [own], "CUDA", [TARGET]));
};

/** Rows for graphs that `planGroupedProducts` has been through. */
export const CARD_PRODUCTS: Partial<LoweringTable> = {
  groupedMatMul: (emit, inputs, node) => {
    const [x, w, , ...plan] = inputs as readonly [Value, Value, Value, ...Value[]];
    const [xs, ws, groups] = [node.inputs[0].type, node.inputs[1].type, node.inputs[2].type];
    const sizes = {
      K: xs.shape.at(-1)!.size,
      N: node.type.shape.at(-1)!.size,
      each: eachOf(xs, groups)!,
      transposeW: node.attrs.transposeW,
      tiles: tileCount(count(groups), ws.shape[0]!.size, TILE.rows),
    };
    return call(emit, [x, w, ...plan], node, matMulKernel(sizes, TILE));
  },
  groupedOuter: (emit, inputs, node) => {
    const [x, y, , ...plan] = inputs as readonly [Value, Value, Value, ...Value[]];
    const [xs, ys, groups] = [node.inputs[0].type, node.inputs[1].type, node.inputs[2].type];
    const [E, M, N] = node.type.shape.map((d) => d.size) as [number, number, number];
    const sizes = { E, M, N, xEach: eachOf(xs, groups)!, yEach: eachOf(ys, groups)! };
    return call(emit, [x, y, ...plan], node, outerKernel(sizes, TILE));
  },
};
