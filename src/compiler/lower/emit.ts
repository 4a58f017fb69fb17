// What the rows of the lowering table write nodes with.
import type { Attr, TensorDType, TfNode } from "./tf-nodes.ts";
import type { TfOp } from "./tf-ops.ts";

/** A value under construction: its name as a node's inputs have it, its type and static shape. */
export interface Value {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
}
export interface Emit {
  /** A node of the present op; result type and shape default to those of the op itself. */
  readonly node: (
    op: TfOp,
    inputs: readonly Value[],
    attrs?: Readonly<Record<string, Attr>>,
    type?: Partial<Pick<TfNode, "dtype" | "shape" | "others">>,
  ) => Value;
  /** Made once for a key in the whole graph: nodes of several results, each of which is an op. */
  readonly once: (key: string, make: () => Value) => Value;
  /** A small constant argument: a shape, a permutation, an axis. */
  readonly ints: (values: readonly number[] | number) => Value;
  readonly tensor: (
    values: readonly number[],
    shape: readonly number[],
    dtype: TensorDType,
  ) => Value;
}

/** Result `index` of a node of several, which goes by the name of its first. */
export const result = (
  { name }: Value,
  index: number,
  { dtype, shape }: Omit<Value, "name">,
): Value => ({ name: index === 0 ? name : `${name}:${index}`, dtype, shape });

export const reshaped = (emit: Emit, x: Value, shape: readonly number[]): Value =>
  emit.node(
    "Reshape",
    [x, emit.ints(shape)],
    { T: { type: x.dtype }, Tshape: { type: "i32" } },
    { dtype: x.dtype, shape },
  );

/** 0, 1, 2, … along one axis, the same along the others. */
export const counted = (
  emit: Emit,
  shape: readonly number[],
  axis: number,
  dtype: TensorDType,
): Value => {
  const size = shape[axis] ?? 1;
  const counts = emit.node(
    "Range",
    [emit.tensor([0], [], dtype), emit.tensor([size], [], dtype), emit.tensor([1], [], dtype)],
    { Tidx: { type: dtype } },
    { dtype, shape: [size] },
  );
  if (shape.length === 1) return counts;
  const aligned = reshaped(
    emit,
    counts,
    shape.map((n, d) => (d === axis ? n : 1)),
  );
  return emit.node(
    "BroadcastTo",
    [aligned, emit.ints(shape)],
    { T: { type: dtype }, Tidx: { type: "i32" } },
    { dtype, shape },
  );
};
