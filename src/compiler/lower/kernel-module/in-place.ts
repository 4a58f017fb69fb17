// Which writes need no copy: rows that go into a state whose old value nothing else reads, as the state's new value. A cache of
// keys is then written where it lies, however long it is.
import type { PlainGraph as TfGraph, PlainNode as TfNode } from "../tf-nodes.ts";
import type { Roles } from "./roles.ts";

/** Each such write, and its state. */
export const writtenInPlace = (graph: TfGraph, roles: Roles): ReadonlyMap<TfNode, string> => {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const stateOf = new Map(graph.reads.map(({ state, node }) => [byName.get(node)!, state]));
  const readers = new Map<TfNode, number>();
  const count = (node: TfNode): void =>
    void readers.set(roles.owner(node), (readers.get(roles.owner(node)) ?? 0) + 1);
  for (const node of graph.nodes)
    if (roles.role(node) !== "alias") roles.operands(node).forEach(count);
  for (const { node } of [...graph.outputs, ...graph.updates]) count(byName.get(node)!);
  return new Map(
    graph.updates.flatMap(({ state, node }) => {
      const write = roles.owner(byName.get(node)!);
      if (write.op !== "WriteRows") return [];
      const held = roles.owner(roles.operands(write)[0]!);
      return stateOf.get(held) === state && readers.get(held) === 1
        ? [[write, state] as const]
        : [];
    }),
  );
};
