// Walking a graph without recursion: training graphs are deeper than the stack.
import type { Graph, Node } from "./types.ts";

/** Every node that the roots need, operands first (by id); not those that are known, nor what only they need. */
export const reachable = (
  roots: Iterable<Node>,
  known: Pick<ReadonlySet<Node>, "has"> = new Set(),
): Node[] => {
  const seen = new Set<Node>();
  const stack = [...roots];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node) || known.has(node)) continue;
    seen.add(node);
    stack.push(...node.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
};

export const rootsOf = (graph: Graph): Node[] => [
  ...graph.inputs,
  ...graph.outputs.map((o) => o.node),
  ...graph.updates.map((u) => u.node),
];
export const nodesOf = (graph: Graph): Node[] => reachable(rootsOf(graph));

/** How often each node is read, by others and as a root. */
export const usesOf = (graph: Graph): ReadonlyMap<Node, number> => {
  const uses = new Map<Node, number>();
  for (const used of [
    ...nodesOf(graph).flatMap(({ inputs }): readonly Node[] => inputs),
    ...rootsOf(graph),
  ])
    uses.set(used, (uses.get(used) ?? 0) + 1);
  return uses;
};

/** The same graph with its roots replaced; inputs must map to inputs. */
export const mapGraph = (graph: Graph, map: (node: Node) => Node): Graph => ({
  name: graph.name,
  inputs: graph.inputs.map((n) => {
    const to = map(n);
    return to.op === "input" ? to : n;
  }),
  outputs: graph.outputs.map((o) => ({ name: o.name, node: map(o.node) })),
  updates: graph.updates.map((u) => ({ state: u.state, node: map(u.node) })),
});
