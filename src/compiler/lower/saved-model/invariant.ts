// What a program makes of its weights alone, apart from what it does with a run's inputs: a loop around it does the first part once.
import type { TfGraph, TfNode } from "../tf-nodes.ts";
import { splitReference } from "./results.ts";

/** Two programs: `ready` gives the tensors that `rest` takes as further inputs, in the same order. */
export interface Split {
  readonly ready: TfGraph;
  readonly rest: TfGraph;
}

const operandsOf = (node: TfNode): readonly string[] =>
  node.inputs.map((reference) => splitReference(reference).node);

/** Weights: state that the program reads and does not write. */
export const splitInvariant = (graph: TfGraph): Split => {
  const written = new Set(graph.updates.map(({ state }) => state));
  const isWeight = ({ state }: { readonly state: string }): boolean => !written.has(state);
  const weights = new Set(graph.reads.filter(isWeight).map(({ node }) => node));
  /** Constants alone are cheaper made anew than carried along. */
  const known = new Set<string>();
  const made = new Set<string>();
  for (const node of graph.nodes) {
    const operands = operandsOf(node);
    if (weights.has(node.name)) made.add(node.name);
    else if (node.op === "Const") known.add(node.name);
    else if (node.op === "Placeholder" || node.others !== undefined) continue;
    else if (operands.every((x) => known.has(x))) known.add(node.name);
    else if (operands.every((x) => known.has(x) || made.has(x))) made.add(node.name);
  }
  const isMade = ({ name }: TfNode): boolean => made.has(name);
  const later = graph.nodes.filter((node) => !isMade(node));
  const wanted = new Set([
    ...later.flatMap(operandsOf),
    ...[...graph.outputs, ...graph.updates].map(({ node }) => splitReference(node).node),
  ]);
  const given = graph.nodes.filter((node) => isMade(node) && wanted.has(node.name));
  const inputOf = (node: TfNode): TfNode => ({
    name: node.name,
    op: "Placeholder",
    inputs: [],
    attrs: { dtype: { type: node.dtype }, shape: { shape: node.shape } },
    dtype: node.dtype,
    shape: node.shape,
  });
  const tensors = given.map(({ name }) => ({ name: "weight", node: name }));
  return {
    ready: {
      name: `${graph.name}_ready`,
      nodes: graph.nodes.filter((node) => isMade(node) || known.has(node.name)),
      inputs: [],
      reads: graph.reads.filter(isWeight),
      outputs: tensors,
      updates: [],
    },
    rest: {
      ...graph,
      nodes: [...given.map(inputOf), ...later],
      inputs: [...graph.inputs, ...tensors],
      reads: graph.reads.filter((read) => !isWeight(read)),
    },
  };
};
