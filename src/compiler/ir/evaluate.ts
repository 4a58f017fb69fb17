// The float64 reference interpreter: plain loops in graph order. The oracle of every pass and engine. What is bf16 in the
// graph is rounded to it after each op.
import { InternalError } from "../diagnostics/types.ts";
import { rowOf } from "./builder.ts";
import { toBf16 } from "./bf16.ts";
import { count, showType, sizes } from "./shape.ts";
import type { Graph, Node } from "./types.ts";
import { reachable, rootsOf } from "./walk.ts";

export interface Values {
  readonly [name: string]: ArrayLike<number>;
}
export interface Evaluated {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export interface Evaluation {
  readonly outputs: Readonly<Record<string, Evaluated>>;
  readonly updates: Readonly<Record<string, Evaluated>>;
}

const fed = (node: Node, name: string, values: Values, kind: string): Float64Array => {
  const value = values[name];
  if (value === undefined) throw new InternalError(`no value for ${kind} ${name}`);
  if (value.length !== count(node.type))
    throw new InternalError(
      `${kind} ${name} has ${value.length} elements, ${showType(node.type)} needs ${count(node.type)}`,
    );
  return Float64Array.from(value);
};

/** The value of one node given those of its operands. */
const apply = (node: Node, operands: readonly Float64Array[]): Float64Array => {
  const run = rowOf(node.op).evaluate as
    ((inputs: readonly Float64Array[], node: Node) => Float64Array) | undefined;
  if (run === undefined) throw new InternalError(`${node.op} has no evaluator`);
  return run(operands, node);
};

/** The values of nodes and of all they need. */
export const evaluateNodes = (
  roots: readonly Node[],
  feeds: { readonly inputs: Values; readonly state: Values },
): Map<Node, Float64Array> => {
  const values = new Map<Node, Float64Array>();
  const valueOf = (node: Node): Float64Array => {
    if (node.op === "input") return fed(node, node.attrs.name, feeds.inputs, "input");
    if (node.op === "state") return fed(node, node.attrs.name, feeds.state, "state");
    return apply(
      node,
      node.inputs.map((n) => values.get(n)!),
    );
  };
  for (const node of reachable(roots)) {
    const value = valueOf(node);
    values.set(node, node.type.dtype === "bf16" ? value.map(toBf16) : value);
  }
  return values;
};

/** Runs a program: its outputs, and what its states become. Unused inputs need no value. */
export const evaluate = (
  graph: Graph,
  feeds: { readonly inputs: Values; readonly state: Values },
): Evaluation => {
  const roots = rootsOf(graph).filter((n) => n.op !== "input" || n.attrs.name in feeds.inputs);
  const values = evaluateNodes(roots, feeds);
  const result = (node: Node): Evaluated => ({ shape: sizes(node.type), data: values.get(node)! });
  return {
    outputs: Object.fromEntries(graph.outputs.map((o) => [o.name, result(o.node)])),
    updates: Object.fromEntries(graph.updates.map((u) => [u.state, result(u.node)])),
  };
};
