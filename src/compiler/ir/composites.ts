// What stands for an op: its expansion and its gradient. Composites of bf16 operands compute in f32 and round once at the
// end, whatever their rows write, unless a row says that it sees to that itself.
import { InternalError } from "../diagnostics/types.ts";
import { reemit, rowOf } from "./builder.ts";
import { toType } from "./ops/row.ts";
import type { Builder, Node } from "./types.ts";

/** The node on f32 copies of its operands; itself where none is bf16, or where its row takes them as they are. */
const widened = (b: Builder, node: Node): Node => {
  const { kind, ownPrecision } = rowOf(node.op);
  const isLow = (x: Node): boolean => x.type.dtype === "bf16";
  if (kind !== "composite" || ownPrecision === true || !node.inputs.some(isLow)) return node;
  return reemit(
    b,
    node,
    node.inputs.map((x) => (isLow(x) ? toType(b, x, "f32") : x)),
  );
};

/** In simpler ops; undefined for a primitive. */
export const expansionOf = (b: Builder, node: Node): Node | undefined => {
  const expand = rowOf(node.op).expand as ((b: Builder, node: Node) => Node) | undefined;
  return expand === undefined ? undefined : toType(b, expand(b, widened(b, node)), node.type.dtype);
};

/** The gradient at each operand, of its type; null where none flows. */
export const gradientsOf = (b: Builder, node: Node, dy: Node): readonly (Node | null)[] => {
  const { grad } = rowOf(node.op);
  if (grad === "zero") return node.inputs.map(() => null);
  if (grad === "expand")
    throw new InternalError(`${node.op} was not expanded before differentiation`);
  const wide = widened(b, node);
  if (wide === node) return grad(b, node, dy);
  return grad(b, wide, toType(b, dy, wide.type.dtype)).map((dx, i) =>
    dx === null ? null : toType(b, dx, node.inputs[i]!.type.dtype),
  );
};
