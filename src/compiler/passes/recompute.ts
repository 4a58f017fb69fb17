// Activation checkpointing, arXiv 1604.06174: what lies between two boundaries (a block of the model) is not kept for its
// gradient but computed again from the boundary before it. The second computation reads that boundary through a barrier that
// also waits for the gradient at the boundary behind it, so that no engine shares it with the first or begins it early.
// Values do not change by a bit: the same ops on the same operands.
import { reemit } from "../ir/builder.ts";
import type { Builder, Node } from "../ir/types.ts";
import { reachable } from "../ir/walk.ts";

/** A value that is kept, and the gradient of the loss at it. */
export interface Boundary {
  readonly value: Node;
  readonly grad: Node;
}

/** What the gradients need, with everything between boundaries computed again; the map leads to their new forms. */
export const recompute = (
  b: Builder,
  boundaries: readonly Boundary[],
  gradients: readonly Node[],
): ReadonlyMap<Node, Node> => {
  const nodes = reachable([...gradients, ...boundaries.flatMap((x) => [x.value, x.grad])]);
  const byValue = new Map(boundaries.map((x) => [x.value, x]));
  const byGrad = new Map(boundaries.map((x) => [x.grad, x]));

  // the last boundary that a node comes from, itself not counted; and for a boundary those right behind it
  const base = new Map<Node, Boundary>();
  const behind = new Map<Boundary, Boundary[]>();
  /** The boundaries whose gradients a node comes from: where it has some, it belongs to the backward pass. */
  const after = new Map<Node, ReadonlySet<Boundary>>();
  const none: ReadonlySet<Boundary> = new Set();
  for (const node of nodes) {
    let last: Boundary | undefined;
    const waits = new Set<Boundary>();
    for (const x of node.inputs) {
      const from = byValue.get(x) ?? base.get(x);
      if (from !== undefined && (last === undefined || from.value.id > last.value.id)) last = from;
      for (const y of after.get(x) ?? none) waits.add(y);
      const own = byGrad.get(x);
      if (own !== undefined) waits.add(own);
    }
    if (last !== undefined) base.set(node, last);
    if (waits.size > 0) after.set(node, waits);
    const own = byValue.get(node);
    if (own !== undefined && last !== undefined)
      behind.set(last, [...(behind.get(last) ?? []), own]);
  }

  const done = new Map<Node, Node>();
  const now = (node: Node): Node => done.get(node) ?? node;
  const barrier = (from: Boundary, to: Boundary, of: 0 | 1): Node =>
    b.like(from.value, () => b.emit("barrier", [from.value, now(to.grad)], { of }));
  /** The part after `from` and before `to`, computed again. */
  const copies = new Map<Boundary, Map<Node, Node>>();
  const again = (root: Node, from: Boundary, to: Boundary): Node => {
    const made = copies.get(to) ?? new Map<Node, Node>();
    copies.set(to, made);
    const inside = (x: Node): boolean => base.get(x) === from && !byValue.has(x);
    const todo = reachableInside(root, inside);
    for (const node of todo)
      if (!made.has(node))
        made.set(
          node,
          reemit(
            b,
            node,
            node.inputs.map((x) => (x === from.value ? barrier(from, to, 0) : (made.get(x) ?? x))),
          ),
        );
    return made.get(root)!;
  };

  for (const node of nodes) {
    const waits = after.get(node);
    if (waits === undefined) continue;
    const operand = (x: Node): Node => {
      const own = byGrad.get(x);
      const before = own === undefined ? undefined : base.get(own.value);
      if (own !== undefined && before !== undefined) return barrier(before, own, 1);
      if (after.has(x)) return now(x);
      const from = byValue.get(x) ?? base.get(x);
      const to = from === undefined ? undefined : behind.get(from)?.find((y) => waits.has(y));
      if (from === undefined || to === undefined) return x;
      return x === from.value ? barrier(from, to, 0) : again(x, from, to);
    };
    const inputs = node.inputs.map(operand);
    done.set(node, inputs.every((x, i) => x === node.inputs[i]) ? node : reemit(b, node, inputs));
  }
  return new Map(gradients.map((g) => [g, now(g)]));
};

/** The root and what it needs, as far as `inside` holds, operands first. */
const reachableInside = (root: Node, inside: (node: Node) => boolean): readonly Node[] => {
  const seen = new Set<Node>();
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...node.inputs.filter(inside));
  }
  return [...seen].sort((x, y) => x.id - y.id);
};
