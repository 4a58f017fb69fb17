// The one driver of rewrite rules: bottom-up into a new builder, each node until no rule fires, the graph until none does.
// A rule must keep dtype and sizes; the driver checks it.
import { InternalError } from "../diagnostics/types.ts";
import { createBuilder, reemit } from "./builder.ts";
import { sameSizes, showType } from "./shape.ts";
import type { Builder, Graph, Node, OpName } from "./types.ts";
import { mapGraph, nodesOf } from "./walk.ts";

export interface Rule {
  readonly name: string;
  readonly doc: string;
  readonly roots: readonly OpName[];
  /** The simpler node, or undefined where the rule does not apply. */
  readonly rewrite: (b: Builder, node: Node) => Node | undefined;
}
/** A rule whose function sees its node with the types of the ops it is for. */
export const rule = <N extends OpName>(
  name: string,
  doc: string,
  roots: readonly N[],
  rewrite: (b: Builder, node: Node<N>) => Node | undefined,
): Rule => ({
  name,
  doc,
  roots,
  // The driver calls a rule only for its roots.
  rewrite: (b, node) => rewrite(b, node as Node<N>),
});

/** The graph in a builder that goes on; `replace` may put something else in the place of a node. */
export const copied = (
  graph: Graph,
  replace: (b: Builder, node: Node) => Node | undefined = () => undefined,
): { readonly b: Builder; readonly graph: Graph } => {
  const b = createBuilder();
  const done = new Map<Node, Node>();
  for (const node of nodesOf(graph)) {
    const operands = node.inputs.map((x) => done.get(x)!);
    done.set(node, b.like(node, () => replace(b, node)) ?? reemit(b, node, operands));
  }
  return { b, graph: mapGraph(graph, (node) => done.get(node)!) };
};

/** A rule list that still fires after this many steps at a node, or sweeps of a graph, goes round in circles. */
const mostSteps = 32;
const mostSweeps = 32;

export const rewriteGraph = (graph: Graph, rules: readonly Rule[]): Graph => {
  const byRoot = new Map<OpName, Rule[]>();
  for (const r of rules) for (const op of r.roots) byRoot.set(op, [...(byRoot.get(op) ?? []), r]);

  let current = graph;
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const b = createBuilder();
    const done = new Map<Node, Node>();
    let fired = "";
    for (const node of nodesOf(current)) {
      let now = reemit(
        b,
        node,
        node.inputs.map((n) => done.get(n)!),
      );
      for (
        let step = 0, next: Fired | undefined;
        (next = applyFirst(b, byRoot.get(now.op) ?? [], now)) !== undefined;
        step++
      ) {
        if (step === mostSteps)
          throw new InternalError(
            `rewrite: rule ${next.rule} keeps firing at ${now.op} (${now.path})`,
          );
        [now, fired] = [next.node, next.rule];
      }
      done.set(node, now);
    }
    current = mapGraph(current, (n) => done.get(n)!);
    if (fired === "") return current;
    if (sweep === mostSweeps - 1)
      throw new InternalError(`rewrite: rule ${fired} still fires after ${mostSweeps} sweeps`);
  }
  return current;
};

interface Fired {
  readonly rule: string;
  readonly node: Node;
}
const applyFirst = (b: Builder, rules: readonly Rule[], node: Node): Fired | undefined => {
  for (const r of rules) {
    const to = b.like(node, () => r.rewrite(b, node));
    if (to === undefined || to === node) continue;
    if (to.type.dtype !== node.type.dtype || !sameSizes(to.type.shape, node.type.shape))
      throw new InternalError(
        `rewrite: rule ${r.name} turns ${showType(node.type)} into ${showType(to.type)}`,
      );
    return { rule: r.name, node: to };
  }
  return undefined;
};
