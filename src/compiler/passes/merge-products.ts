// Products of one tensor with several weights become one product with the weights beside each other, and slices of it: queries,
// keys and values, a gate and what it gates. For programs that run many times while no weight changes: joining the weights is
// work that a loop around the program does once, and each product less is a kernel less for every token.
import { createBuilder, reemit } from "../ir/builder.ts";
import { sizes } from "../ir/shape.ts";
import type { Graph, Node, Pass } from "../ir/types.ts";
import { mapGraph, nodesOf, reachable } from "../ir/walk.ts";

type Product = Node<"matMul">;

/** A matrix that no input of the program reaches: a weight, perhaps in other numbers. */
const isWeight = (y: Node): boolean =>
  y.type.shape.length === 2 &&
  (y.op === "state" || (y.op === "cast" && y.inputs[0].op === "state"));
const isMergeable = (node: Node): node is Product =>
  node.op === "matMul" &&
  !node.attrs.transposeX &&
  !node.attrs.transposeY &&
  isWeight(node.inputs[1]);

/** Two or more products of the same rows, all of whose sums are as wide. */
const groupsOf = (nodes: readonly Node[]): readonly (readonly Product[])[] => {
  const groups = new Map<string, Product[]>();
  for (const node of nodes.filter(isMergeable)) {
    const key = `${node.inputs[0].id} ${node.attrs.out ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
};

export const mergeProducts: Pass = {
  name: "merge-products",
  doc: "one product where several weights multiply the same rows",
  run: (graph: Graph) => {
    const nodes = nodesOf(graph);
    const groups = new Map(groupsOf(nodes).flatMap((group) => group.map((node) => [node, group])));
    const b = createBuilder();
    const done = new Map<Node, Node>();
    const copy = (node: Node): void => {
      const inputs = node.inputs.map((x) => done.get(x)!);
      done.set(node, reemit(b, node, inputs));
    };
    /** All products of a group, when the first one comes. */
    const merge = (group: readonly Product[]): void => {
      const first = group[0]!;
      const weights = group.map((product) => product.inputs[1]);
      reachable(weights, done).forEach(copy);
      const x = done.get(first.inputs[0])!;
      const whole = b.like(first, () => {
        const joined = b.emit(
          "concat",
          weights.map((w) => done.get(w)!),
          { axis: 1 },
        );
        return b.emit("matMul", [x, joined], first.attrs);
      });
      let from = 0;
      for (const product of group) {
        const size = sizes(product.type);
        const begin = size.map((_, axis) => (axis === size.length - 1 ? from : 0));
        done.set(
          product,
          b.like(product, () => b.emit("slice", [whole], { begin, size })),
        );
        from += size.at(-1)!;
      }
    };
    for (const node of nodes) {
      const group = node.op === "matMul" ? groups.get(node) : undefined;
      if (done.has(node)) continue;
      if (group === undefined) copy(node);
      else merge(group);
    }
    return mapGraph(graph, (node) => done.get(node)!);
  },
};
