// Rows of the lowering table for libtensorflow, and for programs that XLA compiles in it: ops that no JavaScript reader of
// TensorFlow's nodes has.
import type { Node } from "../ir/types.ts";
import { result, type Emit, type Value } from "./emit.ts";
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
