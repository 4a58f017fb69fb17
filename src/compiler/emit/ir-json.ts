// The graphs as versioned JSON: one line a node, numbered in topological order, so that two dumps can be compared by line.
import type { Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";

/** Minor versions add fields; readers ignore what they do not know. */
const IR_VERSION = "specc/1.0";

/** JSON knows no infinities: they are written as text. */
const plain = (_key: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

const programJson = (graph: Graph, placeOf: (node: Node) => string | undefined): string => {
  const nodes = nodesOf(graph);
  const ids = new Map(nodes.map((node, id) => [node, id]));
  const lines = nodes.map((node) =>
    JSON.stringify(
      {
        op: node.op,
        inputs: node.inputs.map((input) => ids.get(input)),
        attrs: node.attrs,
        type: node.type,
        path: node.path,
        at: placeOf(node),
      },
      plain,
    ),
  );
  const named = (list: readonly (readonly [string, Node])[]): string =>
    JSON.stringify(Object.fromEntries(list.map(([name, node]) => [name, ids.get(node)])));
  return [
    `{"name":${JSON.stringify(graph.name)},`,
    `"outputs":${named(graph.outputs.map((o) => [o.name, o.node]))},`,
    `"updates":${named(graph.updates.map((u) => [u.state, u.node]))},`,
    `"nodes":[`,
    lines.join(",\n"),
    `]}`,
  ].join("\n");
};

export const irJson = (
  graphs: readonly Graph[],
  placeOf: (node: Node) => string | undefined,
): string =>
  `{"ir":${JSON.stringify(IR_VERSION)},"programs":[\n${graphs.map((g) => programJson(g, placeOf)).join(",\n")}\n]}\n`;
