// Reductions over axes, counted from 0; with keepDims the axes stay as size 1.
import { count, showType, sizes, stridesOf, tensor } from "../shape.ts";
import type { Builder, Dim, Node, OpTable, TensorType } from "../types.ts";
import { bytes, fault, isFloat, none, scalarLike, type Fault } from "./row.ts";

interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}
type ReduceNode = Node<"reduceSum" | "reduceMean" | "reduceMax">;

const infer = ([x]: readonly [TensorType], { axes, keepDims }: ReduceAttrs): TensorType | Fault => {
  if (!isFloat(x.dtype)) return fault(`needs floats, got ${showType(x)}`);
  if (new Set(axes).size !== axes.length || axes.some((a) => a < 0 || a >= x.shape.length))
    return fault(`axes [${axes.join(", ")}] of ${showType(x)}`);
  return tensor(
    x.dtype,
    keepDims ? kept(x.shape, axes) : x.shape.filter((_d, i) => !axes.includes(i)),
  );
};
const kept = (shape: readonly Dim[], axes: readonly number[]): Dim[] =>
  shape.map((d, i) => (axes.includes(i) ? { name: d.name, size: 1 } : d));

const evaluateReduce =
  (start: number, f: (sum: number, x: number) => number) =>
  ([x]: readonly [Float64Array], node: ReduceNode): Float64Array => {
    const shape = sizes(node.inputs[0].type);
    const strides = stridesOf(shape);
    const outShape = shape.map((s, i) => (node.attrs.axes.includes(i) ? 1 : s));
    const outStrides = stridesOf(outShape).map((s, i) => (node.attrs.axes.includes(i) ? 0 : s));
    const out = new Float64Array(count(node.type)).fill(start);
    for (let n = 0; n < x.length; n++) {
      let at = 0;
      for (let axis = 0; axis < shape.length; axis++)
        at += (Math.floor(n / strides[axis]!) % shape[axis]!) * outStrides[axis]!;
      out[at] = f(out[at]!, x[n]!);
    }
    return out;
  };
/** A reduced tensor brought back to the rank of what was reduced, so that it broadcasts. */
const back = (b: Builder, reduced: Node, x: Node, axes: readonly number[]): Node =>
  b.emit("reshape", [reduced], { shape: kept(x.type.shape, axes) });
const cost = (node: Node): { flops: number; bytes: number } => {
  const x = node.inputs[0]!.type;
  return { flops: count(x), bytes: bytes(x) + bytes(node.type) };
};
const factor = (node: ReduceNode): number =>
  count(node.type) / Math.max(1, count(node.inputs[0].type));
const samples = (values: string) => [
  { inputs: ["f32[b=2,d=3]"], attrs: { axes: [1], keepDims: false }, values: [values] },
  { inputs: ["f32[b=2,t=3,d=4]"], attrs: { axes: [0, 2], keepDims: true }, values: [values] },
  { inputs: ["f32[b=2,d=3]"], attrs: { axes: [0, 1], keepDims: false }, values: [values] },
];

export const reduce: Pick<OpTable, "reduceSum" | "reduceMean" | "reduceMax"> = {
  reduceSum: {
    doc: "sum over axes; of bf16, sums are f32 and rounded at the end",
    kind: "primitive",
    infer,
    grad: (b, node, dy) => {
      const x = node.inputs[0];
      return [b.emit("broadcastTo", [back(b, dy, x, node.attrs.axes)], { shape: x.type.shape })];
    },
    evaluate: evaluateReduce(0, (s, x) => s + x),
    cost,
    samples: samples("any"),
  },
  reduceMean: {
    doc: "arithmetic mean over axes",
    kind: "primitive",
    infer,
    grad: (b, node, dy) => {
      const x = node.inputs[0];
      const spread = b.emit(
        "mul",
        [back(b, dy, x, node.attrs.axes), scalarLike(b, dy, factor(node))],
        none,
      );
      return [b.emit("broadcastTo", [spread], { shape: x.type.shape })];
    },
    evaluate: (inputs, node) =>
      evaluateReduce(0, (s, x) => s + x)(inputs, node).map((s) => s * factor(node)),
    cost,
    samples: samples("any"),
  },
  reduceMax: {
    doc: "largest element over axes; the gradient goes to every element that is the largest",
    kind: "primitive",
    infer,
    grad: (b, node, dy) => {
      const x = node.inputs[0];
      const top = b.emit("equal", [x, back(b, node, x, node.attrs.axes)], none);
      const spread = b.emit("broadcastTo", [back(b, dy, x, node.attrs.axes)], {
        shape: x.type.shape,
      });
      return [b.emit("mul", [b.emit("cast", [top], { dtype: x.type.dtype }), spread], none)];
    },
    evaluate: evaluateReduce(-Infinity, Math.max),
    cost,
    samples: samples("apart"),
  },
};
