// The contract between a generated program module and an engine: what `k` can do. A loop is the fused form of any chain
// of elementwise ops, layout changes and at most one reduction: static sizes, affine loads, a small straight-line code.
import type { DType } from "./manifest.ts";

/** Element `offset + sum(strides[d] * index[d])` of a contiguous buffer. */
export interface Access {
  readonly dtype: DType;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Each line makes one value; f: f32, i: i32, m: truth values. Letters give operands, then the result. */
export const OPCODES = {
  add: "fff", sub: "fff", mul: "fff", div: "fff", max: "fff", min: "fff",
  neg: "ff", exp: "ff", log: "ff", sqrt: "ff", abs: "ff", sigmoid: "ff", tanh: "ff", erf: "ff",
  iadd: "iii", isub: "iii", imul: "iii", imax: "iii", imin: "iii", ineg: "ii", iabs: "ii",
  eq: "ffm", lt: "ffm", le: "ffm", ieq: "iim", ilt: "iim", ile: "iim",
  and: "mmm", xor: "mmm", not: "mm", finite: "fm",
  select: "mff", iselect: "mii", mselect: "mmm",
  toInt: "fi", toFloat: "if", maskToFloat: "mf", maskToInt: "mi", floatToMask: "fm", intToMask: "im",
} as const; // prettier-ignore
export type Opcode = keyof typeof OPCODES;
/** Operands are value numbers: the loads in order, then the lines in order; `const` holds its value instead. */
export type Line =
  | readonly ["const" | "iconst", number]
  | readonly [Opcode, number]
  | readonly [Opcode, number, number]
  | readonly [Opcode, number, number, number];

export interface LoopSpec {
  /** Shape of the result (of the whole buffer for `loopInto`, where the store is a window of it). */
  readonly shape: readonly number[];
  readonly dims: readonly number[];
  readonly loads: readonly Access[];
  readonly code: readonly Line[];
  /** Strides are 0 along reduced dims. */
  readonly store: Access;
  readonly reduce?: {
    readonly kind: "sum" | "max";
    readonly over: readonly boolean[];
    readonly scale: number;
  };
}
/** `batch` products [m, k] x [k, n] of consecutive slices; `turned`: those of y lie as [n, k]. */
export type ProductSizes = readonly [
  batch: number,
  m: number,
  k: number,
  n: number,
  turned: boolean,
];
/** Rows that choose one of `groups` matrices; a row of x serves `xEach` of them in turn, a row of y `yEach`. */
export interface GroupedSizes {
  readonly groups: number;
  readonly rows: number;
  readonly xEach: number;
  readonly yEach: number;
  /** Widths of x and of y, or of x and of the result. */
  readonly widths: readonly [number, number];
}

/** `batch` times `each` blocks [capacity, width], and as many rows for each. */
export type RowSizes = readonly [
  batch: number,
  each: number,
  rows: number,
  capacity: number,
  width: number,
];

export interface RunningSums {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

/** `H` is the engine's handle of a buffer. Each call that returns a handle (but `view`) makes a buffer that `free` ends. */
export interface Kernels<H> {
  constant(values: readonly number[], shape: readonly number[], dtype: DType): H;
  filled(value: number, shape: readonly number[], dtype: DType): H;
  /** Counts along one axis. */
  range(shape: readonly number[], axis: number, dtype: DType): H;
  /** The same buffer under another shape. */
  view(x: H, shape: readonly number[]): H;
  loop(spec: LoopSpec, loads: readonly H[], name: string): H;
  loopInto(spec: LoopSpec, target: H, loads: readonly H[], name: string): void;
  product(x: H, y: H, sizes: ProductSizes, shape: readonly number[], name: string): H;
  gather(table: H, ids: H, shape: readonly number[], name: string): H;
  scatterAdd(ids: H, rows: H, shape: readonly number[], name: string): H;
  /** Into the blocks of batch b from place start[b] on; what falls outside is dropped. */
  writeRows(target: H, rows: H, start: H, sizes: RowSizes, name: string): void;
  /** Where the largest of each row of x [rows, n] stand: i32 [rows, k] under `shape`. */
  topK(x: H, k: number, shape: readonly number[], name: string): H;
  cumSum(x: H, sums: RunningSums, name: string): H;
  /** Row a by matrix `at[a]` of w [groups, k, n]; zeros where there is none. */
  grouped(x: H, w: H, at: H, sizes: GroupedSizes, shape: readonly number[], name: string): H;
  /** Σ x ⊗ y over the rows of each group. */
  groupedOuter(x: H, y: H, at: H, sizes: GroupedSizes, shape: readonly number[], name: string): H;
  /** A kernel of the backend itself, by TensorFlow.js name. */
  call(kernel: string, inputs: Readonly<Record<string, H>>, name: string): H;
  free(x: H): void;
}
export interface RunResult<H> {
  readonly outputs: Readonly<Record<string, H>>;
  /** A new buffer, or the state's own that was written in place. */
  readonly updates: Readonly<Record<string, H>>;
}
