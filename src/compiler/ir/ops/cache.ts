// Ops over what earlier runs of a program left: rows written at positions that are known when the program runs, and
// attention over all rows so far.
// Legend: B batch, H heads, K key-value heads, G = H/K, P new positions, C capacity, d head width.
import { count, showType, sizes } from "../shape.ts";
import type { Builder, Dim, Node, OpTable } from "../types.ts";
import { elementCost, fault, none, scalar } from "./row.ts";

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

/** q [B, H, P, d] with the heads of one key-value head side by side: [B, K, G·P, d]. */
const grouped = (b: Builder, q: Node, K: Dim): Node => {
  const [B, H, P, d] = q.type.shape as readonly [Dim, Dim, Dim, Dim];
  return reshape(b, q, [B, K, dim((H.size / K.size) * P.size), d]);
};

export const cacheOps: Pick<OpTable, "writeRows" | "cachedAttention"> = {
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
  cachedAttention: {
    doc: "softmax(q kᵀ · scale) v where query p of row b sees the keys 0 … start[b] + p; q [B, H, P, d], k and v [B, K, C, d], start i32 [B]; head h reads key-value head floor(h·K/H)",
    kind: "composite",
    infer: ([q, k, v, start]) => {
      const [qs, ks, vs] = [sizes(q), sizes(k), sizes(v)];
      return [qs, ks, vs].every((s) => s.length === 4) &&
        start.dtype === "i32" &&
        start.shape.length === 1 &&
        start.shape[0]!.size === qs[0] &&
        qs[0] === ks[0] &&
        qs[1]! % ks[1]! === 0 &&
        qs[3] === ks[3] &&
        ks.every((s, i) => s === vs[i])
        ? q
        : fault(`q ${showType(q)}, k ${showType(k)}, v ${showType(v)}, start ${showType(start)}`);
    },
    expand: (b, node) => {
      const [q, k, v, start] = node.inputs;
      const [B, H, P] = q.type.shape as readonly [Dim, Dim, Dim];
      const [K, C] = [k.type.shape[1]!, k.type.shape[2]!];
      const keys = dim(C.size, "keys");
      const product = (x: Node, y: Node, transposeY: boolean): Node =>
        b.emit("matMul", [x, y], { transposeX: false, transposeY });
      const scaled = b.emit("mul", [grouped(b, q, K), scalar(b, node.attrs.scale)], none);
      const scores = reshape(b, product(scaled, k, true), [B, H, P, keys]);
      // A key at distance `offset` is seen by the queries from there on.
      const query = b.emit("iota", [], { dtype: "i32", shape: [P, dim(1)], axis: 0 });
      const offset = reshape(b, offsets(b, start, C), [B, dim(1), dim(1), keys]);
      const seen = b.emit("lessEqual", [offset, query], none); // [B, 1, P, C]
      const masked = b.emit("select", [seen, scores, scalar(b, -1e9)], none);
      const shares = reshape(b, b.emit("softmax", [masked], none), [
        B,
        K,
        dim((H.size / K.size) * P.size),
        keys,
      ]);
      return reshape(b, product(shares, v, false), node.type.shape);
    },
    grad: "expand",
    cost: (node) => {
      const keys = node.inputs[1].type.shape[2]!.size;
      return { flops: 4 * count(node.type) * keys, bytes: elementCost(0)(node).bytes };
    },
    samples: [
      {
        inputs: [
          "f32[b=3,h=2,p=1,d=4]",
          "f32[b=3,k=2,c=5,d=4]",
          "f32[b=3,k=2,c=5,d=4]",
          "i32[b=3]",
        ],
        attrs: { scale: 0.5 },
        values: ["any", "any", "any", "ids<5"],
      },
      {
        inputs: [
          "f32[b=2,h=4,p=3,d=2]",
          "f32[b=2,k=2,c=5,d=2]",
          "f32[b=2,k=2,c=5,d=2]",
          "i32[b=2]",
        ],
        attrs: { scale: 0.7 },
        values: ["any", "any", "any", "ids<3"],
      },
    ],
  },
};
