// How much memory a program needs at its worst moment, by liveness over id order (the order in which engines run).
import { bytes } from "../ir/ops/row.ts";
import type { Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";

export interface MemoryEstimate {
  /** State and inputs, which stay, plus the most that intermediate results hold at once. */
  readonly peakBytes: number;
  /** The part of it that is state. */
  readonly stateBytes: number;
}

/** The operand that an op gives as its result, perhaps under another type: no bytes of its own. */
const viewed = (node: Node): Node | undefined =>
  node.op === "reshape" || node.op === "stopGradient"
    ? node.inputs[0]
    : node.op === "barrier"
      ? node.inputs[node.attrs.of]
      : undefined;

/**
 * An upper bound for an engine that frees each result after its last reader: operands and result of an op live together,
 * nothing is computed in place. Composites count as one op: expand first for engines that expand them.
 */
export const memoryEstimate = (graph: Graph): MemoryEstimate => {
  const nodes = nodesOf(graph);
  const storage = new Map<Node, Node>(); // of whom a view is a view
  const lastUse = new Map<Node, number>();
  nodes.forEach((node, step) => {
    const under = viewed(node);
    storage.set(node, under === undefined ? node : storage.get(under)!);
    for (const used of [node, ...node.inputs]) lastUse.set(storage.get(used)!, step);
  });
  for (const { node } of [...graph.outputs, ...graph.updates])
    lastUse.set(storage.get(node)!, nodes.length);

  const stays = (node: Node): boolean => node.op === "state" || node.op === "input";
  const sum = (some: readonly Node[]): number => some.reduce((n, x) => n + bytes(x.type), 0);
  const endingAt = new Map<number, Node[]>();
  for (const [node, step] of lastUse)
    if (!stays(node)) endingAt.set(step, [...(endingAt.get(step) ?? []), node]);

  let live = sum(nodes.filter(stays));
  let peakBytes = live;
  nodes.forEach((node, step) => {
    if (storage.get(node) === node && !stays(node)) live += bytes(node.type);
    peakBytes = Math.max(peakBytes, live);
    live -= sum(endingAt.get(step) ?? []);
  });
  return { peakBytes, stateBytes: sum(nodes.filter((n) => n.op === "state")) };
};
