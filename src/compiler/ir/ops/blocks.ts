// Rows of groups laid out in blocks of equal size, so that one batched product serves them all: the form of grouped products
// for engines with static shapes. Block e < E holds the first C rows of group e; what a group has beyond that goes into one
// of O further blocks, which take the matrix of their owner. No row is ever left out: the groups together fill at most
// O = floor((A - 1) / C) blocks beyond their first.
// Legend: A rows, E groups, C rows of a block, S = (E + O) · C slots, K and N widths.
import { count, dims, unnamed } from "../shape.ts";
import type { Builder, Dim, Node } from "../types.ts";
import { cast, iota, membersOf, placed, quotient, runningTotal, sumOver } from "./members.ts";
import { none, scalar, scalarLike } from "./row.ts";

const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], none);
const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });

/** A quarter more than the mean load, so that most groups fit into their own block, on sizes that processors like. */
export const blockRows = (A: number, E: number): number => {
  const wanted = Math.ceil((1.25 * A) / E);
  const step = wanted >= 512 ? 128 : wanted >= 64 ? 16 : 1;
  return Math.min(A, Math.ceil(wanted / step) * step);
};

export interface Blocks {
  readonly rows: number;
  /** Blocks beyond the first of each group. */
  readonly extra: number;
  /** f32 [A] of whole numbers: the slot of each row; S for a row of no group. */
  readonly slots: Node;
  /** i32 [S]: the row in each slot, 0 where none is; bool [S] says where one is. */
  readonly sources: Node;
  readonly taken: Node;
  /** i32 [O]: the groups of the further blocks. */
  readonly owners: Node;
}

/** @param groups i32 [A]; a row whose group is outside of 0 … E-1 gets no slot */
export const blocksOf = (b: Builder, groups: Node, E: number): Blocks => {
  const A = count(groups.type);
  const rows = blockRows(A, E);
  const extra = Math.floor((A - 1) / rows);
  const slotCount = (E + extra) * rows;
  const { ofRow, place, load, known: counted } = membersOf(b, groups, E);
  const further = b.emit(
    "maximum",
    [sub(b, quotient(b, add(b, load, scalar(b, rows - 1)), rows), scalar(b, 1)), scalar(b, 0)],
    none,
  ); // [E]
  const first = runningTotal(b, further); // [E]
  const tier = quotient(b, place, rows);
  const own = b.emit("equal", [tier, scalar(b, 0)], none);
  const beyond = add(b, add(b, ofRow(first), tier), scalar(b, E - 1));
  const block = b.emit("select", [own, cast(b, groups, "f32"), beyond], none);
  const within = sub(b, place, mul(b, tier, scalar(b, rows)));
  const slots = b.emit(
    "select",
    [counted, add(b, mul(b, block, scalar(b, rows)), within), scalar(b, slotCount)],
    none,
  );
  // row numbers from 1, so that 0 says that a slot is free
  const held = placed(b, slots, add(b, iota(b, "f32", A), scalar(b, 1)), slotCount);
  const sources = b.emit("maximum", [sub(b, held, scalar(b, 1)), scalar(b, 0)], none);
  const ends = reshape(b, add(b, first, further), dims(1, E));
  const past = b.emit(
    "lessEqual",
    [ends, reshape(b, iota(b, "f32", Math.max(1, extra)), dims(Math.max(1, extra), 1))],
    none,
  );
  const owners = b.emit("minimum", [sumOver(b, cast(b, past, "f32"), 1), scalar(b, E - 1)], none);
  return {
    rows,
    extra,
    slots,
    sources: cast(b, sources, "i32"),
    taken: b.emit("greater", [held, scalar(b, 0)], none),
    owners: cast(b, owners, "i32"),
  };
};

/** x [A / each, K] -> [E + O, C, K]: row a is that of x at floor(a / each); free slots are zeros. */
export const intoBlocks = (b: Builder, blocks: Blocks, x: Node, each: number): Node => {
  const K = x.type.shape[1]!;
  const { sources, taken, rows } = blocks;
  const at = each === 1 ? sources : cast(b, quotient(b, cast(b, sources, "f32"), each), "i32");
  const filled = b.emit(
    "select",
    [
      reshape(b, taken, [...taken.type.shape, unnamed(1)]),
      b.emit("gather", [x, at], {}),
      scalarLike(b, x, 0),
    ],
    none,
  );
  return reshape(b, filled, [unnamed(count(taken.type) / rows), unnamed(rows), K]);
};

/** y [E + O, C, N] -> [A, N]; zeros for rows of no group. */
export const outOfBlocks = (b: Builder, { slots }: Blocks, y: Node): Node => {
  const N = y.type.shape[2]!;
  const total = count(y.type) / N.size;
  const table = reshape(b, y, [unnamed(total), N]);
  const known = b.emit("less", [slots, scalar(b, total)], none);
  const at = cast(b, b.emit("minimum", [slots, scalar(b, total - 1)], none), "i32");
  const rows = b.emit("gather", [table, at], {});
  return b.emit(
    "select",
    [reshape(b, known, [...known.type.shape, unnamed(1)]), rows, scalarLike(b, y, 0)],
    none,
  );
};

/** Matrices [E, K, N] of the further blocks: [O, K, N]. */
export const ownersOf = (b: Builder, { owners, extra }: Blocks, w: Node): Node => {
  const [E, K, N] = w.type.shape as readonly [Dim, Dim, Dim];
  const flat = reshape(b, w, [E, unnamed(K.size * N.size)]);
  return reshape(b, b.emit("gather", [flat, owners], {}), [unnamed(extra), K, N]);
};

/** [E + O, …] -> the first E, and the rest. */
export const splitBlocks = (
  b: Builder,
  { extra }: Blocks,
  x: Node,
): readonly [own: Node, further: Node] => {
  const [all, ...rest] = x.type.shape as readonly [Dim, ...Dim[]];
  const begin = rest.map(() => 0);
  const size = rest.map((d) => d.size);
  const own = all.size - extra;
  return [
    b.emit("slice", [x], { begin: [0, ...begin], size: [own, ...size] }),
    b.emit("slice", [x], { begin: [own, ...begin], size: [extra, ...size] }),
  ];
};
