// What rows of all families share: building shapes, summing broadcast gradients back, costs.
import { broadcast, count, reducedAxes, sameSizes, showType, tensor } from "../shape.ts";
import type { Builder, DType, Node, TensorType } from "../types.ts";

export type Fault = { readonly fault: string };
export const fault = (text: string): Fault => ({ fault: text });
export const none = {} as const;

/** Of one element. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, bf16: 2, i32: 4, bool: 1 };
export const bytes = (type: TensorType): number => count(type) * BYTES[type.dtype];

/** `perElement` operations on each element of the result; every operand and the result moves once. */
export const elementCost =
  (perElement: number) =>
  (node: Node): { flops: number; bytes: number } => ({
    flops: perElement * count(node.type),
    bytes: bytes(node.type) + node.inputs.reduce((n, x) => n + bytes(x.type), 0),
  });
export const free = (): { flops: number; bytes: number } => ({ flops: 0, bytes: 0 });

/** Sums `dy` over the axes along which `x` was broadcast. */
export const sumTo = (b: Builder, dy: Node, x: Node): Node => {
  const axes = reducedAxes(x.type.shape, dy.type.shape);
  const summed = axes.length === 0 ? dy : b.emit("reduceSum", [dy], { axes, keepDims: false });
  return sameSizes(summed.type.shape, x.type.shape)
    ? summed
    : b.emit("reshape", [summed], { shape: x.type.shape });
};

export const scalar = (b: Builder, value: number, dtype: DType = "f32"): Node =>
  b.emit("full", [], { dtype, shape: [], value });
/** A number beside x, of x's type. */
export const scalarLike = (b: Builder, x: Node, value: number): Node =>
  scalar(b, value, x.type.dtype);
export const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "bf16";
/** x in another type, or x itself. */
export const toType = (b: Builder, x: Node, dtype: DType): Node =>
  x.type.dtype === dtype ? x : b.emit("cast", [x], { dtype });

export const floatOnly = ([x]: readonly [TensorType]): TensorType | Fault =>
  isFloat(x.dtype) ? x : fault(`needs floats, got ${showType(x)}`);

export const inferBinary =
  (result: "same" | "bool") =>
  ([x, y]: readonly [TensorType, TensorType]): TensorType | Fault => {
    if (x.dtype !== y.dtype)
      return fault(`operands differ in type: ${showType(x)} and ${showType(y)}`);
    const shape = broadcast(x.shape, y.shape);
    if (shape === undefined) return fault(`${showType(x)} and ${showType(y)} do not broadcast`);
    return tensor(result === "bool" ? "bool" : x.dtype, shape);
  };

/** A node seen through its operands: what a row's functions take, whatever the op. */
export type Of1 = Node & { readonly inputs: readonly [Node] };
export type Of2 = Node & { readonly inputs: readonly [Node, Node] };
