// Matrix products and look-ups.
import { count, sameSizes, showType, sizes, tensor, unnamed } from "../shape.ts";
import type { Builder, Dim, Node, OpTable } from "../types.ts";
import { bytes, elementCost, fault, isFloat, toType } from "./row.ts";

const product = (b: Builder, x: Node, y: Node, transposeX: boolean, transposeY: boolean): Node =>
  b.emit("matMul", [x, y], { transposeX, transposeY });
/** [..., K] -> [rows, K]. */
const flat = (b: Builder, x: Node): Node => {
  const last = x.type.shape.at(-1)!;
  return b.emit("reshape", [x], {
    shape: [unnamed(count(x.type) / Math.max(1, last.size)), last],
  });
};
const last2 = (shape: readonly Dim[], transposed: boolean): readonly [Dim, Dim] => {
  const [r, c] = [shape[shape.length - 2]!, shape[shape.length - 1]!];
  return transposed ? [c, r] : [r, c];
};

export const products: Pick<OpTable, "matMul" | "gather" | "scatterAdd" | "oneHot"> = {
  matMul: {
    doc: "X · Y over the last two axes, summed in f32, X [..., M, K], Y [..., K, N], each read transposed where its flag says so; leading axes are equal, or Y is one matrix for all of them (then X is not transposed)",
    kind: "primitive",
    infer: ([x, y], { transposeX, transposeY, out }) => {
      const shown = `${showType(x)} and ${showType(y)}`;
      if (!isFloat(x.dtype) || x.dtype !== y.dtype || x.shape.length < 2 || y.shape.length < 2)
        return fault(`needs matrices of one float type, got ${shown}`);
      if (out !== undefined && x.dtype === out) return fault(`the result is ${out} as it is`);
      const [m, k] = last2(x.shape, transposeX);
      const [k2, n] = last2(y.shape, transposeY);
      const lead = x.shape.slice(0, -2);
      const shared = y.shape.length === 2 && lead.length > 0;
      if (shared && transposeX)
        return fault("a shared right operand needs an untransposed left one");
      if (!shared && !sameSizes(lead, y.shape.slice(0, -2)))
        return fault(`leading axes differ: ${shown}`);
      if (k.size !== k2.size)
        return fault(`inner sizes differ, ${k.size} and ${k2.size}: ${shown}`);
      return tensor(out ?? x.dtype, [...lead, m, n]);
    },
    grad: (b, node, dy) => {
      const [x, y] = node.inputs;
      const dz = toType(b, dy, x.type.dtype);
      const { transposeX: tx, transposeY: ty } = node.attrs;
      const dx = tx ? product(b, y, dz, ty, true) : product(b, dz, y, false, !ty);
      const shared = y.type.shape.length === 2 && x.type.shape.length > 2;
      const [xs, ds] = shared ? [flat(b, x), flat(b, dz)] : [x, dz];
      return [dx, ty ? product(b, ds, xs, true, tx) : product(b, xs, ds, !tx, false)];
    },
    evaluate: ([x, y], node) => {
      const { transposeX: tx, transposeY: ty } = node.attrs;
      const [m, n] = sizes(node.type).slice(-2) as [number, number];
      const k = last2(node.inputs[0].type.shape, tx)[1].size;
      const shared = node.inputs[1].type.shape.length === 2;
      const out = new Float64Array(count(node.type));
      for (let batch = 0; batch < out.length / (m * n); batch++) {
        const xo = batch * m * k;
        const yo = shared ? 0 : batch * k * n;
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let p = 0; p < k; p++)
              sum += x[xo + (tx ? p * m + i : i * k + p)]! * y[yo + (ty ? j * k + p : p * n + j)]!;
            out[batch * m * n + i * n + j] = sum;
          }
      }
      return out;
    },
    cost: (node) => {
      const [x, y] = node.inputs;
      const k = last2(x.type.shape, node.attrs.transposeX)[1].size;
      return {
        flops: 2 * count(node.type) * k,
        bytes: bytes(x.type) + bytes(y.type) + bytes(node.type),
      };
    },
    samples: [
      { inputs: ["f32[m=2,k=3]", "f32[k=3,n=4]"], attrs: { transposeX: false, transposeY: false } },
      { inputs: ["f32[k=3,m=2]", "f32[k=3,n=4]"], attrs: { transposeX: true, transposeY: false } },
      { inputs: ["f32[m=2,k=3]", "f32[n=4,k=3]"], attrs: { transposeX: false, transposeY: true } },
      { inputs: ["f32[k=3,m=2]", "f32[n=4,k=3]"], attrs: { transposeX: true, transposeY: true } },
      // So many rows that engines leave their forms for few.
      { inputs: ["f32[m=40,k=3]", "f32[n=5,k=3]"], attrs: { transposeX: false, transposeY: true } },
      {
        inputs: ["f32[b=2,m=40,k=2]", "f32[b=2,k=2,n=3]"],
        attrs: { transposeX: false, transposeY: false },
      },
      {
        inputs: ["f32[b=2,h=2,m=2,k=3]", "f32[b=2,h=2,n=4,k=3]"],
        attrs: { transposeX: false, transposeY: true },
      },
      {
        inputs: ["f32[b=2,h=2,k=3,m=2]", "f32[b=2,h=2,k=3,n=4]"],
        attrs: { transposeX: true, transposeY: false },
      },
      {
        inputs: ["f32[b=2,m=2,k=3]", "f32[k=3,n=4]"],
        attrs: { transposeX: false, transposeY: false },
      },
      {
        inputs: ["f32[b=2,m=2,k=3]", "f32[n=4,k=3]"],
        attrs: { transposeX: false, transposeY: true },
      },
      {
        inputs: ["bf16[b=2,m=2,k=3]", "bf16[n=4,k=3]"],
        attrs: { transposeX: false, transposeY: true },
      },
      {
        inputs: ["bf16[b=2,k=3,m=2]", "bf16[b=2,k=3,n=4]"],
        attrs: { transposeX: true, transposeY: false, out: "f32" },
      },
    ],
  },
  gather: {
    doc: "rows of table [V, D] at ids i32 [...] -> [..., D]",
    kind: "primitive",
    infer: ([table, ids]) =>
      table.shape.length === 2 && ids.dtype === "i32"
        ? tensor(table.dtype, [...ids.shape, table.shape[1]!])
        : fault(`needs a matrix and i32 ids, got ${showType(table)} and ${showType(ids)}`),
    grad: (b, node, dy) => {
      const [table, ids] = node.inputs;
      return [b.emit("scatterAdd", [ids, dy], { size: table.type.shape[0]! }), null];
    },
    evaluate: ([table, ids], node) => {
      const d = node.type.shape.at(-1)!.size;
      const out = new Float64Array(count(node.type));
      ids.forEach((id, i) => out.set(table.subarray(id * d, (id + 1) * d), i * d));
      return out;
    },
    cost: elementCost(0),
    samples: [{ inputs: ["f32[v=5,d=3]", "i32[b=2,t=2]"], attrs: {}, values: ["any", "ids<5"] }],
  },
  scatterAdd: {
    doc: "rows [..., D] added up at ids [...] in zeros [size, D]: the gradient of gather",
    kind: "primitive",
    infer: ([ids, rows], { size }) =>
      ids.dtype === "i32" && sameSizes(ids.shape, rows.shape.slice(0, -1)) && rows.shape.length > 0
        ? tensor(rows.dtype, [size, rows.shape.at(-1)!])
        : fault(`ids ${showType(ids)} do not index rows ${showType(rows)}`),
    grad: (b, node, dy) => [null, b.emit("gather", [dy, node.inputs[0]], {})],
    evaluate: ([ids, rows], node) => {
      const d = node.type.shape[1]!.size;
      const out = new Float64Array(count(node.type));
      ids.forEach((id, i) => {
        for (let j = 0; j < d; j++) out[id * d + j] = out[id * d + j]! + rows[i * d + j]!;
      });
      return out;
    },
    cost: elementCost(1),
    samples: [
      {
        inputs: ["i32[b=2,t=3]", "f32[b=2,t=3,d=2]"],
        attrs: { size: { name: "v", size: 5 } },
        values: ["ids<5", "any"],
      },
    ],
  },
  oneHot: {
    doc: "1 at the id, 0 elsewhere: ids i32 [...] -> f32 [..., depth]; an id outside 0 … depth-1 is a row of zeros",
    kind: "primitive",
    infer: ([ids], { depth }) =>
      ids.dtype === "i32" ? tensor("f32", [...ids.shape, depth]) : fault("needs i32 ids"),
    grad: "zero",
    evaluate: ([ids], node) => {
      const depth = node.attrs.depth.size;
      const out = new Float64Array(count(node.type));
      ids.forEach((id, i) => {
        if (id >= 0 && id < depth) out[i * depth + id] = 1;
      });
      return out;
    },
    cost: elementCost(0),
    samples: [
      { inputs: ["i32[n=4]"], attrs: { depth: { name: "v", size: 5 } }, values: ["ids<5"] },
      { inputs: ["i32[n=4]"], attrs: { depth: { name: "v", size: 3 } }, values: ["ids<5"] },
    ],
  },
};
