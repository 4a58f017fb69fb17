// Rows of the lowering table for libtensorflow, and for programs that XLA compiles in it: ops that no JavaScript reader of
// TensorFlow's nodes has.
import type { Node } from "../ir/types.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import { reshaped, result, type Emit, type Value } from "./emit.ts";
import type { LoweringTable } from "./lowering-table.ts";
import { xlaMatMul } from "./products.ts";

/** All operands through one node. */
const barrier = (emit: Emit, inputs: readonly Value[], node: Node<"barrier">): Value => {
  const [first, ...others] = inputs;
  const made = emit.once(`barrier ${inputs.map((x) => x.name).join(" ")}`, () =>
    emit.node(
      "XlaOptimizationBarrier",
      inputs,
      { T: { types: inputs.map((x) => x.dtype) } },
      {
        dtype: first!.dtype,
        shape: first!.shape,
        others: others.map(({ dtype, shape }) => ({ dtype, shape })),
      },
    ),
  );
  return result(made, node.attrs.of, inputs[node.attrs.of]!);
};

export const NATIVE: Partial<LoweringTable> = { barrier };
export const XLA: Partial<LoweringTable> = { ...NATIVE, matMul: xlaMatMul };

/** [size, ids] · [ids, D]. Scattering in a fixed order is one row after the other on a card: 50 ms for 4096 rows of 512. */
const scatterByProduct = (
  emit: Emit,
  [ids, rows]: readonly Value[],
  node: Node<"scatterAdd">,
): Value => {
  const [size, width] = node.type.shape.map((dim) => dim.size) as [number, number];
  const count = sizeOf(ids!.shape);
  const { dtype } = rows!;
  const hot = emit.node(
    "OneHot",
    [
      reshaped(emit, ids!, [count]),
      emit.ints(size),
      emit.tensor([1], [], dtype),
      emit.tensor([0], [], dtype),
    ],
    { T: { type: dtype }, TI: { type: "i32" }, axis: { int: -1 } },
    { dtype, shape: [count, size] },
  );
  return emit.node(
    "MatMul",
    [hot, reshaped(emit, rows!, [count, width])],
    { T: { type: dtype }, transpose_a: { bool: true }, transpose_b: { bool: false } },
    { dtype, shape: [size, width] },
  );
};
/** The same bits each time on a card, beside TensorFlow's own switch for it. */
export const DETERMINISTIC: Partial<LoweringTable> = { ...XLA, scatterAdd: scatterByProduct };
