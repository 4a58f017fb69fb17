// Walking a graph in which some nodes wait for more than they read.
import { InternalError } from "../diagnostics/types.ts";
import type { Node } from "../ir/types.ts";

/** What the roots need, everything after what it waits for. Throws where two wait for each other. */
export const operandsFirst = (
  roots: readonly Node[],
  operandsOf: (node: Node) => readonly Node[],
): readonly Node[] => {
  const order: Node[] = [];
  const placed = new Set<Node>();
  const open = new Set<Node>();
  const stack = roots.toReversed();
  for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
    const missing = placed.has(node) ? [] : operandsOf(node).filter((x) => !placed.has(x));
    if (missing.length > 0) {
      if (open.has(node)) throw new InternalError(`${node.op} at "${node.path}" waits for itself`);
      open.add(node);
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

/** Whether any of `wanted` is needed, through `operands`, for what is in `from`. */
export const needs = (
  from: readonly Node[],
  wanted: ReadonlySet<Node>,
  operands: (node: Node) => readonly Node[],
): boolean => {
  const seen = new Set<Node>();
  const stack = [...from];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (wanted.has(node)) return true;
    if (seen.has(node)) continue;
    seen.add(node);
    stack.push(...operands(node));
  }
  return false;
};
