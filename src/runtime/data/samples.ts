// What a step reads, by index: windows of text, or images with their classes.
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";

/** The inputs of a pass. */
export interface Batch extends Tensors {
  /** What each should be answered with; -100 does not count. */
  readonly targets: HostTensor;
}
export interface Picked {
  readonly index: number;
  /** In training a sample may be varied: as these, and its index, say. */
  readonly variation?: { readonly seed: number; readonly epoch: number };
}
export interface Samples {
  readonly count: number;
  /** A pass of `rows` rows; those without a sample count for nothing. */
  batch(picked: readonly Picked[], rows: number): Batch;
}
