// Where the rows of each group are, for kernels that read them where they lie: the order of rows by groups, and for each tile
// of at most so many rows its group, the first of its places in that order, and the end of its group.
// Legend: A rows, E groups, M tiles at most.
import { count, dims } from "../shape.ts";
import type { Builder, Node } from "../types.ts";
import { cast, iota, membersOf, placed, quotient, runningTotal, sumOver } from "./members.ts";
import { none, scalar } from "./row.ts";

const binary =
  (op: "add" | "sub" | "mul" | "minimum" | "lessEqual" | "less") =>
  (b: Builder, x: Node, y: Node): Node =>
    b.emit(op, [x, y], none);
const [add, sub, mul, minimum] = [binary("add"), binary("sub"), binary("mul"), binary("minimum")];
const [lessEqual, less] = [binary("lessEqual"), binary("less")];

/** Tiles that rows in groups can need: all that are full, and one more for each group. */
export const tileCount = (A: number, E: number, rows: number): number => Math.floor(A / rows) + E;

export interface Tiles {
  /** i32 [A]: rows, those of group 0 first, each group in its own order; rows of no group are not among them. */
  readonly order: Node;
  /** i32 [E]: the first place of each group in the order, and the end. */
  readonly first: Node;
  readonly end: Node;
  /** i32 [M]: of each tile its group, or -1 for none; its first place; the end of its group. */
  readonly tileGroup: Node;
  readonly tileFirst: Node;
  readonly tileEnd: Node;
}

/** @param groups i32 [A]; a row whose group is outside of 0 … E-1 is in no tile */
export const tilesOf = (b: Builder, groups: Node, E: number, rows: number): Tiles => {
  const A = count(groups.type);
  const M = tileCount(A, E, rows);
  const { ofRow, place, load, known } = membersOf(b, groups, E);
  const first = runningTotal(b, load); // [E]
  const end = add(b, first, load);
  const places = b.emit("select", [known, add(b, ofRow(first), place), scalar(b, A)], none);
  const tiles = quotient(b, add(b, load, scalar(b, rows - 1)), rows);
  const firstTile = runningTotal(b, tiles);
  const number = iota(b, "f32", M);
  const column = b.emit("reshape", [number], { shape: dims(M, 1) });
  const passed = lessEqual(b, add(b, firstTile, tiles), column); // [M, E]
  const owner = sumOver(b, cast(b, passed, "f32"), 1);
  const group = cast(b, minimum(b, owner, scalar(b, E - 1)), "i32");
  /** Of values [E] those at each tile's group: f32 [M]. */
  const ofTile = (values: Node): Node => {
    const table = b.emit("reshape", [values], { shape: dims(E, 1) });
    return b.emit("reshape", [b.emit("gather", [table, group], {})], { shape: dims(M) });
  };
  const behind = mul(b, sub(b, number, ofTile(firstTile)), scalar(b, rows));
  const used = less(b, owner, scalar(b, E));
  const whole = (x: Node): Node => cast(b, x, "i32");
  return {
    order: whole(placed(b, places, iota(b, "f32", A), A)),
    first: whole(first),
    end: whole(end),
    tileGroup: whole(b.emit("select", [used, cast(b, group, "f32"), scalar(b, -1)], none)),
    tileFirst: whole(add(b, ofTile(first), behind)),
    tileEnd: whole(ofTile(end)),
  };
};
