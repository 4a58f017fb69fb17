// Where this form differs from TensorFlow's nodes: the engine's own kernels for what stock nodes do in several steps, and
// nodes that it has no kernel for.
import type { OpName } from "../../ir/types.ts";
import type { LoweringTable } from "../lowering-table.ts";

export const OWN_NODES: Partial<LoweringTable> = {
  topK: (emit, inputs) => emit.node("TopK", inputs),
  groupedMatMul: (emit, [x, w, groups], node) =>
    emit.node("GroupedMatMul", [x!, w!, groups!], { transpose_w: { bool: node.attrs.transposeW } }),
  groupedOuter: (emit, [x, y, groups]) => emit.node("GroupedOuter", [x!, y!, groups!]),
  writeRows: (emit, inputs) => emit.node("WriteRows", inputs),
  // the wasm backend has the first two, not the last: all three are products of shifted windows
  conv2d: "expand",
  conv2dInputGrad: "expand",
  conv2dKernelGrad: "expand",
};

/** Composites that stay whole for this form. */
export const ownOps: ReadonlySet<OpName> = new Set<OpName>([
  "groupedMatMul",
  "groupedOuter",
  "writeRows",
]);
