// How attention learns where a token stands: queries and keys turned, scores lowered by distance, or nothing.
// Legend: B batch, H heads, T positions, d head width.
import { InternalError } from "../diagnostics/types.ts";
import type { Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { rotaryTables } from "./rotary.ts";
import type { Cell } from "./sites.ts";

export interface Positions {
  /** Queries or keys [B, H, T, d] -> the same. */
  readonly turn: (x: Node) => Node;
  /** A score falls by slope · distance, one slope a head; undefined: scores are what they are. */
  readonly slopes: readonly number[] | undefined;
}

export const positionsOf = (cell: Cell, spec: Variant, T: Dim, d: Dim, H: number): Positions => {
  const { b, model } = cell;
  switch (spec.is) {
    case "rope": {
      const [cos, sin] = rotaryTables(cell, T, d, spec, model.context);
      return { turn: (x) => b.emit("rope", [x, cos, sin], {}), slopes: undefined };
    }
    case "alibi":
      return { turn: (x) => x, slopes: alibiSlopes(H) };
    case "learned": // added to the embeddings
    case "none":
      return { turn: (x) => x, slopes: undefined };
    default:
      throw new InternalError(`no positions ${spec.is}`);
  }
};

/**
 * ALiBi, arXiv 2108.12409, section 3: 2^(-8h/H) for h = 1 … H. Where H is no power of two, those of the power below, then
 * every other one of the power above, as the authors' code has it.
 */
const alibiSlopes = (H: number): readonly number[] => {
  const power = 2 ** Math.floor(Math.log2(H));
  const slopes = (n: number): number[] =>
    Array.from({ length: n }, (_, h) => 2 ** ((-8 * (h + 1)) / n));
  const between = slopes(2 * power).filter((_, h) => h % 2 === 0);
  return [...slopes(power), ...between.slice(0, H - power)];
};
