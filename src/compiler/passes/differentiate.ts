// Reverse-mode differentiation on the graph: no tape. Each op row carries its own gradient; contributions are added in the
// order of node ids, so the result does not depend on how the graph was written.
import { InternalError } from "../diagnostics/types.ts";
import { rowOf } from "../ir/builder.ts";
import { gradientsOf } from "../ir/composites.ts";
import { isFloat } from "../ir/ops/row.ts";
import { showType } from "../ir/shape.ts";
import type { Builder, Node } from "../ir/types.ts";
import { reachable } from "../ir/walk.ts";
import { expandNode } from "./expand.ts";

/**
 * d loss / d w for each w of `wrt`, of w's shape; zeros where the loss does not depend on it.
 * @param loss f32 scalar
 */
export const differentiate = (b: Builder, loss: Node, wrt: readonly Node[]): readonly Node[] => {
  if (loss.type.shape.length !== 0)
    throw new InternalError(`the loss is ${showType(loss.type)}, not a scalar`);
  const keep = differentiable(b, [loss]);
  const root = keep.get(loss)!;
  const nodes = reachable([root]);
  const targets = wrt.map((w) => keep.get(w) ?? w);
  const needed = new Set<Node>(targets);
  for (const node of nodes) if (node.inputs.some((x) => needed.has(x))) needed.add(node);

  const grads = new Map<Node, Node>();
  grads.set(
    root,
    b.like(root, () => b.emit("full", [], { dtype: "f32", shape: [], value: 1 })),
  );
  for (const node of nodes.reverse()) {
    const dy = grads.get(node);
    if (dy === undefined || !needed.has(node)) continue;
    b.like(node, () => {
      gradientsOf(b, node, dy).forEach((dx, i) => {
        const x = node.inputs[i]!;
        if (dx === null || !needed.has(x) || !isFloat(x.type.dtype)) return;
        const sum = grads.get(x);
        grads.set(x, sum === undefined ? dx : b.emit("add", [sum, dx], {}));
      });
    });
  }
  return targets.map(
    (w) => grads.get(w) ?? b.like(w, () => b.emit("full", [], { ...w.type, value: 0 })),
  );
};

/** Expands the ops whose gradient goes through their expansion; the map leads to each node's form without them. */
export const differentiable = (b: Builder, roots: readonly Node[]): ReadonlyMap<Node, Node> =>
  expandNode(b, roots, (n) => rowOf(n.op).grad === "expand");
