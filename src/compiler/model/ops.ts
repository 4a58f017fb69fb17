// Short names for the ops that model and training code writes most, so that it reads like the formulas it comes from.
// A number stands for an f32 scalar.
import type { Builder, Dim, DType, Node } from "../ir/types.ts";

export const dim = (name: string, size: number): Dim => ({ name, size });
export const scalar = (b: Builder, value: number, dtype: DType = "f32"): Node =>
  b.emit("full", [], { dtype, shape: [], value });

type Operand = Node | number;
const operand = (b: Builder, x: Operand): Node => (typeof x === "number" ? scalar(b, x) : x);
const binary =
  (op: "add" | "sub" | "mul" | "div" | "minimum" | "maximum") =>
  (b: Builder, x: Operand, y: Operand): Node =>
    b.emit(op, [operand(b, x), operand(b, y)], {});
export const add = binary("add");
export const sub = binary("sub");
export const mul = binary("mul");
export const div = binary("div");
export const minimum = binary("minimum");
export const maximum = binary("maximum");

const unary =
  (
    op:
      | "sqrt"
      | "square"
      | "exp"
      | "log"
      | "silu"
      | "sigmoid"
      | "relu"
      | "tanh"
      | "cos"
      | "sin"
      | "stopGradient",
  ) =>
  (b: Builder, x: Node): Node =>
    b.emit(op, [x], {});
export const sqrt = unary("sqrt");
export const square = unary("square");
export const exp = unary("exp");
export const log = unary("log");
export const silu = unary("silu");
export const sigmoid = unary("sigmoid");
export const relu = unary("relu");
export const tanh = unary("tanh");
export const cos = unary("cos");
export const sin = unary("sin");
export const stopGradient = unary("stopGradient");

export const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });
export const transpose = (b: Builder, x: Node, perm: readonly number[]): Node =>
  b.emit("transpose", [x], { perm });
export const gather = (b: Builder, table: Node, ids: Node): Node =>
  b.emit("gather", [table, ids], {});
export const matMul = (b: Builder, x: Node, y: Node, transposeY = false): Node =>
  b.emit("matMul", [x, y], { transposeX: false, transposeY });
/** Over all axes: a scalar. */
export const sumAll = (b: Builder, x: Node): Node =>
  b.emit("reduceSum", [x], { axes: x.type.shape.map((_d, i) => i), keepDims: false });
/** Over all axes: a scalar. */
export const meanAll = (b: Builder, x: Node): Node =>
  b.emit("reduceMean", [x], { axes: x.type.shape.map((_d, i) => i), keepDims: false });
export const iota = (b: Builder, dtype: DType, shape: readonly Dim[], axis: number): Node =>
  b.emit("iota", [], { dtype, shape, axis });
/** Of all elements; f32 scalar. */
export const globalNorm = (b: Builder, parts: readonly Node[]): Node => {
  const rows = ({ type }: Node): number => type.shape.slice(0, -1).reduce((n, d) => n * d.size, 1);
  // as many rows side by side: their sums may be one sum, and then lie as they are added up
  const squares = parts
    .toSorted((x, y) => rows(x) - rows(y))
    .map((x) => reshape(b, sumAll(b, square(b, x)), [dim("", 1)]));
  return sqrt(b, sumAll(b, b.emit("concat", squares, { axis: 0 })));
};
