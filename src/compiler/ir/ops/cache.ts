// What keeps tokens of earlier runs: rows written at positions that are known when the program runs.
// Legend: B batch, P new positions, C capacity, d width of a row.
import { showType, sizes } from "../shape.ts";
import type { Builder, Dim, Node, OpTable } from "../types.ts";
import { elementCost, fault, none } from "./row.ts";

const dim = (size: number, name = ""): Dim => ({ name, size });
const integer = (b: Builder, value: number): Node =>
  b.emit("full", [], { dtype: "i32", shape: [], value });
const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });

/** i32 [B, C]: how far position c lies behind the first new one of its row; below 0, before it. */
const offsets = (b: Builder, start: Node, C: Dim): Node => {
  const B = start.type.shape[0]!;
  const at = b.emit("iota", [], { dtype: "i32", shape: [B, C], axis: 1 });
  return b.emit("sub", [at, reshape(b, start, [B, dim(1)])], none);
};

/** rows [B, …, P, d] spread over the capacity: row max(0, min(P - 1, offset)) at every position, [B, …, C, d]. */
const spread = (b: Builder, rows: Node, offset: Node): Node => {
  const [B, C] = offset.type.shape as readonly [Dim, Dim];
  const [P, d] = [rows.type.shape.at(-2)!, rows.type.shape.at(-1)!];
  const middle = rows.type.shape.slice(1, -2);
  const rank = rows.type.shape.length;
  const width = middle.reduce((n, x) => n * x.size, d.size);
  // Positions lead, so that one row of the table is all there is at a position.
  const lead = [0, rank - 2, ...middle.map((_, i) => i + 1), rank - 1];
  const back = lead.map((_, axis) => lead.indexOf(axis));
  const table = reshape(b, b.emit("transpose", [rows], { perm: lead }), [
    dim(B.size * P.size),
    dim(width),
  ]);
  const inside = b.emit(
    "maximum",
    [b.emit("minimum", [offset, integer(b, P.size - 1)], none), integer(b, 0)],
    none,
  );
  const batch = b.emit("iota", [], { dtype: "i32", shape: [B, C], axis: 0 });
  const ids = b.emit("add", [b.emit("mul", [batch, integer(b, P.size)], none), inside], none);
  const taken = b.emit("gather", [table, ids], {}); // [B, C, width]
  return b.emit("transpose", [reshape(b, taken, [B, C, ...middle, d])], { perm: back });
};

export const cacheOps: Pick<OpTable, "writeRows"> = {
  writeRows: {
    doc: "x [B, …, C, d] with rows [B, …, P, d] in place of its positions start[b] … start[b] + P - 1, start i32 [B]; what falls outside is dropped",
    kind: "composite",
    infer: ([x, rows, start]) => {
      const [xs, rs] = [sizes(x), sizes(rows)];
      const axis = xs.length - 2;
      return x.dtype === rows.dtype &&
        start.dtype === "i32" &&
        start.shape.length === 1 &&
        start.shape[0]!.size === xs[0] &&
        axis >= 1 &&
        xs.length === rs.length &&
        xs.every((n, i) => i === axis || n === rs[i])
        ? x
        : fault(`rows ${showType(rows)} from ${showType(start)} do not go into ${showType(x)}`);
    },
    expand: (b, node) => {
      const [x, rows, start] = node.inputs;
      const [B, C] = [x.type.shape[0]!, x.type.shape.at(-2)!];
      const P = rows.type.shape.at(-2)!.size;
      const offset = offsets(b, start, C);
      const column = [B, ...x.type.shape.slice(1, -2).map(() => dim(1)), C, dim(1)];
      const compare = (op: "greaterEqual" | "less" | "equal", than: number): Node =>
        b.emit(op, [offset, integer(b, than)], none);
      const written =
        P === 1
          ? compare("equal", 0)
          : b.emit("and", [compare("greaterEqual", 0), compare("less", P)], none);
      const values = P === 1 ? rows : spread(b, rows, offset);
      return b.emit("select", [reshape(b, written, column), values, x], none);
    },
    grad: "expand",
    evaluate: ([x, rows, start], node) => {
      const [C, d] = sizes(node.type).slice(-2) as [number, number];
      const P = node.inputs[1].type.shape.at(-2)!.size;
      const B = start.length;
      const middle = x.length / (B * C * d);
      const out = x.slice();
      for (let b = 0; b < B; b++)
        for (let m = 0; m < middle; m++)
          for (let p = 0; p < P; p++) {
            const c = start[b]! + p;
            if (c < 0 || c >= C) continue;
            const [to, from] = [(b * middle + m) * C + c, (b * middle + m) * P + p];
            out.set(rows.subarray(from * d, (from + 1) * d), to * d);
          }
      return out;
    },
    cost: elementCost(0),
    samples: [
      {
        inputs: ["f32[b=1,k=2,c=5,d=2]", "f32[b=1,k=2,p=1,d=2]", "i32[b=1]"],
        attrs: none,
        values: ["any", "any", "ids<6"],
      },
      {
        inputs: ["f32[b=3,k=2,c=5,d=2]", "f32[b=3,k=2,p=1,d=2]", "i32[b=3]"],
        attrs: none,
        values: ["any", "any", "ids<5"],
      },
      {
        // Some of the rows fall behind the end.
        inputs: ["f32[b=3,k=2,c=5,d=2]", "f32[b=3,k=2,p=3,d=2]", "i32[b=3]"],
        attrs: none,
        values: ["any", "any", "ids<6"],
      },
      {
        inputs: ["f32[b=2,c=4,d=3]", "f32[b=2,p=2,d=3]", "i32[b=2]"],
        attrs: none,
        values: ["any", "any", "ids<4"],
      },
    ],
  },
};
