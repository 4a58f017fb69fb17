// Who belongs to which group, counted in f32 (whole numbers, exact below 2^24): what layouts of groups are made from.
// Legend: A rows, E groups.
import { dims, unnamed } from "../shape.ts";
import type { Builder, DType, Node } from "../types.ts";
import { none, scalar } from "./row.ts";

const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
export const cast = (b: Builder, x: Node, dtype: DType): Node => b.emit("cast", [x], { dtype });
export const sumOver = (b: Builder, x: Node, axis: number): Node =>
  b.emit("reduceSum", [x], { axes: [axis], keepDims: false });
/** Sums of what stands before, along the first axis. */
export const runningTotal = (b: Builder, x: Node): Node =>
  b.emit("cumSum", [x], { axis: 0, exclusive: true, reverse: false });
export const iota = (b: Builder, dtype: DType, n: number): Node =>
  b.emit("iota", [], { dtype, shape: dims(n), axis: 0 });
/** Whole part of x / n for x >= 0. */
export const quotient = (b: Builder, x: Node, n: number): Node =>
  cast(b, cast(b, b.emit("div", [x, scalar(b, n)], none), "i32"), "f32");

export interface Members {
  /** Of values [E] or [A, E] those at each row's group: [A]; 0 for a row of no group. */
  readonly ofRow: (values: Node) => Node;
  /** Rows of the same group before a row: [A]. */
  readonly place: Node;
  /** Rows of each group: [E]. */
  readonly load: Node;
  /** Whether a row has a group: bool [A]. */
  readonly known: Node;
}
/** @param groups i32 [A]; a group outside of 0 … E-1 is none */
export const membersOf = (b: Builder, groups: Node, E: number): Members => {
  const member = b.emit("oneHot", [groups], { depth: unnamed(E) }); // [A, E]
  const ofRow = (values: Node): Node => sumOver(b, mul(b, member, values), 1);
  return {
    ofRow,
    place: ofRow(runningTotal(b, member)),
    load: sumOver(b, member, 0),
    known: b.emit("greater", [sumOver(b, member, 1), scalar(b, 0)], none),
  };
};

/** values [A] each at its place in zeros [size]; a place of `size` is left out. */
export const placed = (b: Builder, places: Node, values: Node, size: number): Node => {
  const column = b.emit("reshape", [values], { shape: [...values.type.shape, unnamed(1)] });
  const all = b.emit("scatterAdd", [cast(b, places, "i32"), column], { size: unnamed(size + 1) });
  const kept = b.emit("slice", [all], { begin: [0, 0], size: [size, 1] });
  return b.emit("reshape", [kept], { shape: dims(size) });
};
