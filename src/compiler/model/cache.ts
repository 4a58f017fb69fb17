// What generation keeps of the tokens before: programs that go on from earlier runs give the stage a cache, and layers that
// look at other positions read and write theirs through it. A layer without one sees whole sequences from their beginning.
import { InternalError } from "../diagnostics/types.ts";
import { unnamed } from "../ir/shape.ts";
import type { Builder, Dim, Graph, Node } from "../ir/types.ts";
import type { CacheState } from "../../bundle/manifest.ts";

export interface Cache {
  /** i32 [B, T]: where each of the tokens at hand stands in its sequence. */
  readonly positions: Node;
  /**
   * Puts `rows` [B, ..., T, d] at the positions at hand into the state `name` ("blocks.0.attention.k_cache") and gives the
   * whole of it, [B, ..., C, d]: keys, values or latents by the position of their token. Places after a row's own position
   * hold what is left of older sequences, so readers look no further than `positions`.
   */
  readonly extend: (name: string, rows: Node) => Node;
}
export interface Caches extends Cache {
  readonly updates: () => Graph["updates"];
}

/** Caches that a program writes, as it writes them. */
export const cacheEntries = (updates: Graph["updates"]): readonly CacheState[] =>
  updates.map(({ state: name, node: { type } }) => ({
    name,
    kind: "cache",
    diskName: name,
    dtype: type.dtype === "bf16" ? "bf16" : "f32",
    shape: type.shape.map((d) => d.size),
    transposed: false,
    init: { kind: "constant", value: 0 },
  }));

/** @param start i32 [B]: how many tokens of each row are there already; T more come, in a context of C */
export const createCaches = (b: Builder, start: Node, T: Dim, C: Dim): Caches => {
  const B = start.type.shape[0]!;
  const made = new Map<string, Node>();
  const column = b.emit("reshape", [start], { shape: [B, unnamed(1)] });
  const steps = b.emit("iota", [], { dtype: "i32", shape: [T], axis: 0 });
  return {
    positions: b.emit("add", [column, steps], {}),
    extend: (name, rows) => {
      if (made.has(name)) throw new InternalError(`${name} is written twice`);
      const shape = rows.type.shape.map((d, axis, all) => (axis === all.length - 2 ? C : d));
      const held = b.emit("state", [], { name, shape });
      const whole = b.emit("writeRows", [held, rows, start], {});
      made.set(name, whole);
      return whole;
    },
    updates: () => [...made].map(([state, node]) => ({ state, node })),
  };
};
