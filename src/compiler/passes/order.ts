// Walking a graph in which some nodes wait for more than they read.
import type { Node } from "../ir/types.ts";

/** What the roots need, everything after what it waits for. */
export const operandsFirst = (
  roots: readonly Node[],
  operandsOf: (node: Node) => readonly Node[],
): readonly Node[] => {
  const order: Node[] = [];
  const placed = new Set<Node>();
  const stack = roots.toReversed();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = placed.has(node) ? [] : operandsOf(node).filter((x) => !placed.has(x));
    if (missing.length > 0) {
      stack.push(...missing.toReversed());
      continue;
    }
    stack.pop();
    if (placed.has(node)) continue;
    placed.add(node);
    order.push(node);
  }
  return order;
};
