// Walking a graph in which some nodes wait for more than they read, and building it anew so.
import { InternalError } from "../diagnostics/types.ts";
import { createBuilder, reemit } from "../ir/builder.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { mapGraph, rootsOf } from "../ir/walk.ts";

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

/** Nodes that are made at once, none of which needs another. */
export interface Together {
  readonly members: readonly Node[];
  /** What all of them wait for. */
  readonly inputs: readonly Node[];
  /** The new forms of the members, given those of the inputs. */
  readonly make: (b: Builder, inputs: readonly Node[]) => readonly Node[];
}

/** The graph with each group made where the first of its members stands. */
export const madeTogether = (graph: Graph, groups: ReadonlyMap<Node, Together>): Graph => {
  const b = createBuilder();
  const done = new Map<Node, Node>();
  const now = (x: Node): Node => done.get(x)!;
  for (const node of operandsFirst(rootsOf(graph), (x) => groups.get(x)?.inputs ?? x.inputs)) {
    if (done.has(node)) continue;
    const group = groups.get(node);
    if (group === undefined) {
      done.set(node, reemit(b, node, node.inputs.map(now)));
      continue;
    }
    const made = b.like(node, () => group.make(b, group.inputs.map(now)));
    made.forEach((one, i) => done.set(group.members[i]!, one));
  }
  return mapGraph(graph, now);
};
