// Rows of the lowering table for libtensorflow, and for programs that XLA compiles in it: ops that no JavaScript reader of
// TensorFlow's nodes has.
import type { Node } from "../ir/types.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import type { TfOp } from "./tf-ops.ts";
import { counted, reshaped, result, type Emit, type Value } from "./emit.ts";
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

/** Rows go to their places in memory, where the rest of x stays: all that a token adds to a cache is written, and nothing else. */
const writeRows = (
  emit: Emit,
  [x, rows, start]: readonly Value[],
  node: Node<"writeRows">,
): Value => {
  const [B, ...rest] = x!.shape as readonly [number, ...number[]];
  const [C, d] = rest.slice(-2) as [number, number];
  const P = rows!.shape.at(-2)!;
  const each = sizeOf(rest.slice(0, -2));
  const N = B * each;
  const { dtype } = x!;
  const i32 = (op: TfOp, inputs: readonly Value[], shape: readonly number[]): Value =>
    emit.node(op, inputs, { T: { type: "i32" } }, { dtype: "i32", shape });
  const at = i32(
    "AddV2",
    [reshaped(emit, start!, [B, 1, 1]), counted(emit, [B, each, P], 2, "i32")],
    [B, each, P],
  );
  const places = emit.node(
    "ConcatV2",
    [counted(emit, [N, P, 1], 0, "i32"), reshaped(emit, at, [N, P, 1]), emit.ints(2)],
    { T: { type: "i32" }, N: { int: 2 }, Tidx: { type: "i32" } },
    { dtype: "i32", shape: [N, P, 2] },
  );
  const whole = emit.node(
    "TensorScatterUpdate",
    [reshaped(emit, x!, [N, C, d]), places, reshaped(emit, rows!, [N, P, d])],
    { T: { type: dtype }, Tindices: { type: "i32" } },
    { dtype, shape: [N, C, d] },
  );
  return reshaped(
    emit,
    whole,
    node.type.shape.map((dim) => dim.size),
  );
};

export const NATIVE: Partial<LoweringTable> = { barrier };
export const XLA: Partial<LoweringTable> = { ...NATIVE, matMul: xlaMatMul, writeRows };

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
/** The same bits each time on a card, beside TensorFlow's own switch for it, under which a scatter is a loop. */
export const DETERMINISTIC: Partial<LoweringTable> = {
  ...XLA,
  scatterAdd: scatterByProduct,
  writeRows: "expand",
};
