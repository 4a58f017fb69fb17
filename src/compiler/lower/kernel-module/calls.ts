// What a plan is made of: calls of kernels, the buffers they read and make, and when each buffer goes.
import { sizeOf } from "../../../bundle/tensor.ts";
import type {
  GroupedSizes,
  LoopSpec,
  ProductSizes,
  RowSizes,
  RunningSums,
} from "../../../bundle/kernels.ts";
import type { DType } from "../../../bundle/manifest.ts";

/** Buffers are numbers; `name` is the node's. */
export type Call =
  | { readonly kind: "input" | "state"; readonly key: string }
  | { readonly kind: "constant"; readonly values: readonly number[] }
  | { readonly kind: "filled"; readonly value: number }
  | { readonly kind: "range"; readonly axis: number }
  | { readonly kind: "loop"; readonly spec: LoopSpec }
  | { readonly kind: "loopInto"; readonly spec: LoopSpec; readonly target: number }
  | { readonly kind: "product"; readonly sizes: ProductSizes }
  | { readonly kind: "gather" | "scatterAdd" }
  | { readonly kind: "writeRows"; readonly sizes: RowSizes; readonly target: number }
  | { readonly kind: "topK"; readonly k: number }
  | { readonly kind: "cumSum"; readonly sums: RunningSums }
  | { readonly kind: "grouped" | "groupedOuter"; readonly sizes: GroupedSizes }
  | { readonly kind: "kernel"; readonly kernel: string; readonly names: readonly string[] };
export interface Step {
  readonly name: string;
  readonly call: Call;
  readonly reads: readonly number[];
  /** The shape each read is seen under. */
  readonly shapes: readonly (readonly number[])[];
  /** The buffer this makes; undefined where it writes into a target. */
  readonly makes: number | undefined;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly frees: readonly number[];
}
export interface Plan {
  readonly name: string;
  readonly constants: readonly Step[];
  /** Buffers of the first phase that the run reads. */
  readonly keeps: readonly number[];
  readonly steps: readonly Step[];
  readonly outputs: readonly {
    readonly name: string;
    readonly buffer: number;
    readonly shape: readonly number[];
  }[];
  readonly updates: readonly {
    readonly name: string;
    readonly buffer: number;
    readonly shape: readonly number[];
  }[];
  readonly peakBytes: number;
}
/** A step before it is known which buffers it is the last to read. */
export type Draft = Omit<Step, "frees">;

/** The loop that copies a buffer. */
export const copySpec = (shape: readonly number[], dtype: DType): LoopSpec => {
  const access = { dtype, offset: 0, strides: [1] };
  return { shape, dims: [sizeOf(shape)], loads: [access], code: [], store: access };
};
