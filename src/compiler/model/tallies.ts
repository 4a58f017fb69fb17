// Sums over all passes of one update: a batch may go through the model in parts, and what keeps experts in balance looks at
// the whole of it.
import type { Builder, Graph, Node } from "../ir/types.ts";
import type { Effects } from "./effects.ts";

export interface Tally {
  /** "blocks.3.ffn.router.load" */
  readonly name: string;
  /** f32, of this pass; its shape depends on the model alone. */
  readonly node: Node;
  /** What becomes of state when the update ends. */
  readonly settle?: (total: Node) => Graph["updates"];
}
/**
 * Where a program stands in an update: it is the whole of it, one of several passes, or what comes after them; or it does not
 * train.
 */
export type Turn = "whole" | "pass" | "end" | "none";

/** Adds to a sum and gives what it is so far, this pass included. */
export const tallyIn = (
  b: Builder,
  { sums, tallied }: Effects,
  turn: Turn,
  { name, node, settle }: Tally,
): Node => {
  const { shape } = node.type;
  if (turn === "none") return node;
  if (turn === "whole") {
    tallied.push(...(settle?.(node) ?? []));
    return node;
  }
  sums.push({
    name,
    kind: "accumulator",
    diskName: name,
    dtype: "f32",
    shape: shape.map((d) => d.size),
    transposed: false,
    init: { kind: "constant", value: 0 },
  });
  const held = b.emit("state", [], { name, shape });
  if (turn === "pass") {
    const total = b.emit("add", [held, node], {});
    tallied.push({ state: name, node: total });
    return total;
  }
  const cleared = b.emit("full", [], { dtype: "f32", shape, value: 0 });
  tallied.push(...(settle?.(held) ?? []), { state: name, node: cleared });
  return held;
};
