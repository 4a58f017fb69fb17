// Replaces composites by their expansions, for engines and gradients that have no form of their own for them.
import { createBuilder, reemit, rowOf } from "../ir/builder.ts";
import { expansionOf } from "../ir/composites.ts";
import type { Builder, Graph, Node, OpName, Pass } from "../ir/types.ts";
import { mapGraph, nodesOf, reachable } from "../ir/walk.ts";

/**
 * Rebuilds what the roots need with the chosen nodes expanded; the map leads from old nodes to new.
 * @param finished nodes that stay, with all that they need
 */
export const expandNode = (
  b: Builder,
  roots: readonly Node[],
  choose: (node: Node) => boolean,
  finished: readonly Node[] = [],
): Map<Node, Node> => {
  const done = new Map(finished.map((node) => [node, node]));
  for (const node of reachable(roots, done)) {
    const inputs = node.inputs.map((n) => done.get(n)!);
    const same = inputs.every((n, i) => n === node.inputs[i]);
    const now = same ? node : reemit(b, node, inputs);
    const body = choose(node) ? b.like(node, () => expansionOf(b, now)) : undefined;
    done.set(node, body === undefined ? now : expandNode(b, [body], choose, now.inputs).get(body)!);
  }
  return done;
};

/** The graph's nodes in a builder of their own, to go on from. */
export const copyOf = (
  graph: Graph,
): { readonly b: Builder; readonly copies: ReadonlyMap<Node, Node> } => {
  const b = createBuilder();
  const copies = new Map<Node, Node>();
  for (const node of nodesOf(graph))
    copies.set(
      node,
      reemit(
        b,
        node,
        node.inputs.map((n) => copies.get(n)!),
      ),
    );
  return { b, copies };
};

/** The composites that an engine runs as they are. */
export type Keep = ReadonlySet<OpName> | ((node: Node) => boolean);

/** Expands every composite but those to keep. */
export const expandComposites = (keep: Keep): Pass => ({
  name: "expand",
  doc: "replace composites by simpler ops",
  run: (graph) => {
    const { b, copies } = copyOf(graph);
    const roots = [...copies.values()];
    const kept = (n: Node): boolean => (typeof keep === "function" ? keep(n) : keep.has(n.op));
    const done = expandNode(b, roots, (n) => rowOf(n.op).kind === "composite" && !kept(n));
    return mapGraph(graph, (n) => done.get(copies.get(n)!)!);
  },
});
