// Tensors as the host sees them: at the edges of programs, in files, in JavaScript.
import type { DType } from "./manifest.ts";

export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}
export type Tensors = Readonly<Record<string, HostTensor>>;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
