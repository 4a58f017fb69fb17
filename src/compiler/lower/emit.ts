// What the rows of the lowering table write nodes with.
import type { Attr, TensorDType, TfNode } from "./tf-nodes.ts";

/** A value under construction: its name as a node's inputs have it, its type and static shape. */
export interface Value {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
}
export interface Emit {
  /** A node of the present op; result type and shape default to those of the op itself. */
  readonly node: (
    op: string,
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
