// Layout ops: the same values in other places.
import {
  broadcast,
  broadcastOffsets,
  count,
  sameSizes,
  showType,
  sizes,
  stridesOf,
  tensor,
} from "../shape.ts";
import type { Dim, OpTable } from "../types.ts";
import { elementCost, fault, free, sumTo } from "./row.ts";

const dim = (size: number, name = ""): Dim => ({ name, size });

/** Copies a block between two row-major arrays: `shape` elements from (src, at) to (dst, to). */
const copyBlock = (
  src: Float64Array,
  srcShape: readonly number[],
  at: readonly number[],
  dst: Float64Array,
  dstShape: readonly number[],
  to: readonly number[],
  shape: readonly number[],
): void => {
  const s = stridesOf(srcShape);
  const d = stridesOf(dstShape);
  const total = shape.reduce((n, x) => n * x, 1);
  const inner = stridesOf(shape);
  for (let n = 0; n < total; n++) {
    let from = 0;
    let into = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const i = Math.floor(n / inner[axis]!) % shape[axis]!;
      from += (i + at[axis]!) * s[axis]!;
      into += (i + to[axis]!) * d[axis]!;
    }
    dst[into] = src[from]!;
  }
};

export const layout: Pick<
  OpTable,
  "reshape" | "transpose" | "broadcastTo" | "slice" | "concat" | "pad"
> = {
  reshape: {
    doc: "the same elements in row-major order under another shape",
    kind: "primitive",
    infer: ([x], attrs) => {
      const type = tensor(x.dtype, attrs.shape);
      return count(type) === count(x)
        ? type
        : fault(`${showType(x)} has ${count(x)} elements, ${showType(type)} ${count(type)}`);
    },
    grad: (b, node, dy) => [b.emit("reshape", [dy], { shape: node.inputs[0].type.shape })],
    evaluate: ([x]) => x.slice(),
    cost: free,
    samples: [{ inputs: ["f32[b=2,d=6]"], attrs: { shape: [dim(3), dim(4)] } }],
  },
  transpose: {
    doc: "axis i of the result is axis perm[i] of x",
    kind: "primitive",
    infer: ([x], { perm }) =>
      perm.length === x.shape.length && [...perm].sort((p, q) => p - q).every((p, i) => p === i)
        ? tensor(
            x.dtype,
            perm.map((p) => x.shape[p]!),
          )
        : fault(`perm [${perm.join(", ")}] does not permute the axes of ${showType(x)}`),
    grad: (b, node, dy) => {
      const inverse = node.attrs.perm.map((_p, i) => node.attrs.perm.indexOf(i));
      return [b.emit("transpose", [dy], { perm: inverse })];
    },
    evaluate: ([x], node) => {
      const from = stridesOf(sizes(node.inputs[0].type));
      const shape = sizes(node.type);
      const to = stridesOf(shape);
      return new Float64Array(x.length).map((_v, n) => {
        let at = 0;
        for (let axis = 0; axis < shape.length; axis++)
          at += (Math.floor(n / to[axis]!) % shape[axis]!) * from[node.attrs.perm[axis]!]!;
        return x[at]!;
      });
    },
    cost: elementCost(0),
    samples: [
      { inputs: ["f32[a=2,b=3]"], attrs: { perm: [1, 0] } },
      { inputs: ["f32[a=2,b=3,c=4]"], attrs: { perm: [1, 2, 0] } },
      { inputs: ["f32[a=2,b=3,c=2,d=4]"], attrs: { perm: [0, 2, 1, 3] } },
    ],
  },
  broadcastTo: {
    doc: "x repeated to a larger shape, as broadcasting does",
    kind: "primitive",
    infer: ([x], { shape }) => {
      const out = broadcast(x.shape, shape);
      return out !== undefined && sameSizes(out, shape)
        ? tensor(x.dtype, shape)
        : fault(`${showType(x)} does not broadcast to ${showType(tensor(x.dtype, shape))}`);
    },
    grad: (b, node, dy) => [sumTo(b, dy, node.inputs[0])],
    evaluate: ([x], node) =>
      Float64Array.from(
        broadcastOffsets(sizes(node.inputs[0].type), sizes(node.type)),
        (at) => x[at]!,
      ),
    cost: elementCost(0),
    samples: [
      { inputs: ["f32[d=3]"], attrs: { shape: [dim(2), dim(3)] } },
      { inputs: ["f32[a=2,b=1]"], attrs: { shape: [dim(2), dim(3)] } },
    ],
  },
  slice: {
    doc: "the block of x that begins at `begin` and has `size`",
    kind: "primitive",
    infer: ([x], { begin, size }) =>
      begin.length === x.shape.length &&
      size.length === x.shape.length &&
      x.shape.every((d, i) => begin[i]! >= 0 && size[i]! >= 0 && begin[i]! + size[i]! <= d.size)
        ? tensor(
            x.dtype,
            x.shape.map((d, i) => ({ name: d.name, size: size[i]! })),
          )
        : fault(`[${begin.join(", ")}] + [${size.join(", ")}] leaves ${showType(x)}`),
    grad: (b, node, dy) => {
      const { begin, size } = node.attrs;
      const after = node.inputs[0].type.shape.map((d, i) => d.size - begin[i]! - size[i]!);
      return [b.emit("pad", [dy], { before: begin, after })];
    },
    evaluate: ([x], node) => {
      const out = new Float64Array(count(node.type));
      const { begin, size } = node.attrs;
      copyBlock(
        x,
        sizes(node.inputs[0].type),
        begin,
        out,
        size,
        begin.map(() => 0),
        size,
      );
      return out;
    },
    cost: elementCost(0),
    samples: [{ inputs: ["f32[a=3,b=4]"], attrs: { begin: [1, 0], size: [2, 3] } }],
  },
  concat: {
    doc: "the operands one after another along an axis",
    kind: "primitive",
    atLeast: 1,
    infer: (inputs, { axis }) => {
      const first = inputs[0];
      if (first === undefined) return fault("needs an operand");
      for (const x of inputs)
        if (
          x.dtype !== first.dtype ||
          x.shape.length !== first.shape.length ||
          x.shape.some((d, i) => i !== axis && d.size !== first.shape[i]!.size)
        )
          return fault(`${showType(first)} and ${showType(x)} differ outside axis ${axis}`);
      const size = inputs.reduce((n, x) => n + x.shape[axis]!.size, 0);
      return tensor(
        first.dtype,
        first.shape.map((d, i) => (i === axis ? { name: d.name, size } : d)),
      );
    },
    grad: (b, node, dy) => {
      let at = 0;
      return node.inputs.map((x) => {
        const begin = sizes(x.type).map((_s, i) => (i === node.attrs.axis ? at : 0));
        at += x.type.shape[node.attrs.axis]!.size;
        return b.emit("slice", [dy], { begin, size: sizes(x.type) });
      });
    },
    evaluate: (values, node) => {
      const out = new Float64Array(count(node.type));
      let at = 0;
      node.inputs.forEach((x, n) => {
        const shape = sizes(x.type);
        const zero = shape.map(() => 0);
        copyBlock(
          values[n]!,
          shape,
          zero,
          out,
          sizes(node.type),
          shape.map((_s, i) => (i === node.attrs.axis ? at : 0)),
          shape,
        );
        at += shape[node.attrs.axis]!;
      });
      return out;
    },
    cost: elementCost(0),
    samples: [
      { inputs: ["f32[a=2,b=3]", "f32[a=2,b=1]"], attrs: { axis: 1 } },
      { inputs: ["f32[a=1,b=3]", "f32[a=2,b=3]"], attrs: { axis: 0 } },
    ],
  },
  pad: {
    doc: "x with zeros before and after it on each axis",
    kind: "primitive",
    infer: ([x], { before, after }) =>
      before.length === x.shape.length && after.length === x.shape.length
        ? tensor(
            x.dtype,
            x.shape.map((d, i) => ({ name: d.name, size: d.size + before[i]! + after[i]! })),
          )
        : fault(`padding of rank ${before.length} for ${showType(x)}`),
    grad: (b, node, dy) => [
      b.emit("slice", [dy], { begin: node.attrs.before, size: sizes(node.inputs[0].type) }),
    ],
    evaluate: ([x], node) => {
      const out = new Float64Array(count(node.type));
      const shape = sizes(node.inputs[0].type);
      copyBlock(
        x,
        shape,
        shape.map(() => 0),
        out,
        sizes(node.type),
        node.attrs.before,
        shape,
      );
      return out;
    },
    cost: elementCost(0),
    samples: [{ inputs: ["f32[a=2,b=3]"], attrs: { before: [1, 0], after: [0, 2] } }],
  },
};
