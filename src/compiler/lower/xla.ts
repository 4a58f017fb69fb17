// Rows of the lowering table for programs that XLA compiles: it has forms of some ops that TensorFlow's own kernels lack.
import type { LoweringTable } from "./lowering-table.ts";
import { xlaMatMul } from "./products.ts";

export const XLA: Partial<LoweringTable> = { matMul: xlaMatMul };
