// What lies inside a block of chained experts and no program gives: outputs for the graph of a test, under the goldens' names.
import { expect } from "vitest";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import type { Graph, Node } from "../../src/compiler/ir/types.ts";
import { maxAbs, maxDifference, type Tensors } from "./golden.ts";

/** The layer whose weight of this name a node is. */
const layerOf = (node: Node, name: RegExp): string | undefined =>
  node.op === "state" ? name.exec(node.attrs.name)?.[1] : undefined;

const NORM = /^blocks\.(\d+)\.ffn_norm\.weight$/;
const ROUTER = /^blocks\.(\d+)\.ffn\.router\b.*\.weight$/;
const GATE = /^blocks\.(\d+)\.ffn\.experts\.gate\.weight$/;
const DOWN = /^blocks\.(\d+)\.ffn\.experts\.down\.weight$/;

/**
 * `mid.l` [B, T, D] what the norm before the chain reads; of iteration t `chain.l.t` [N, D] what its router reads,
 * `router.l.t.scores` [N, E] the softmax over that, `.topk_idx` [N, K] where its experts' products go, and `.topk_weight`
 * [N, K] what these are multiplied by.
 */
const chainStates = (graph: Graph): Graph["outputs"] => {
  const found = new Map<string, Node>();
  /** "0.1": the iteration that a state, and later the picks made from it, belong to. */
  const places = new Map<Node, string>();
  const iterations = new Map<string, number>();
  for (const node of nodesOf(graph)) {
    if (node.op === "rmsNorm") {
      const layer = layerOf(node.inputs[1], NORM);
      if (layer !== undefined) found.set(`mid.${layer}`, node.inputs[0]);
    } else if (node.op === "softmax" && node.inputs[0].op === "matMul") {
      const [x, W] = node.inputs[0].inputs;
      const layer = layerOf(W, ROUTER);
      if (layer === undefined || places.has(x)) continue;
      const t = iterations.get(layer) ?? 0;
      iterations.set(layer, t + 1);
      places.set(x, `${layer}.${t}`);
      found.set(`chain.${layer}.${t}`, x).set(`router.${layer}.${t}.scores`, node);
    } else if (node.op === "groupedMatMul" && layerOf(node.inputs[1], GATE) !== undefined) {
      const [x, , picks] = node.inputs;
      const place = places.get(x);
      if (place === undefined) continue;
      places.set(picks, place);
      found.set(`router.${place}.topk_idx`, picks);
    } else if (node.op === "mul" && node.inputs[0].op === "groupedMatMul") {
      const [[, W, picks], gates] = [node.inputs[0].inputs, node.inputs[1]];
      const place = places.get(picks);
      if (place !== undefined && layerOf(W, DOWN) !== undefined && gates.op === "reshape")
        found.set(`router.${place}.topk_weight`, gates.inputs[0]);
    }
  }
  return [...found].map(([name, node]) => ({ name, node }));
};
export const withChainStates = (graph: Graph): Graph => ({
  ...graph,
  outputs: [...graph.outputs, ...chainStates(graph)],
});

const KINDS = ["hidden", "mid", "chain", "router"];
/** The states of a golden case, one by one, within the README's tolerances. */
export const expectStates = (expected: Tensors, got: (name: string) => ArrayLike<number>): void => {
  const kindOf = (name: string): string => name.split(".")[0]!;
  const states = Object.entries(expected).filter(([name]) => KINDS.includes(kindOf(name)));
  expect(new Set(states.map(([name]) => kindOf(name)))).toEqual(new Set(KINDS));
  for (const [name, { data }] of states)
    if (name.endsWith("topk_idx")) expect(Array.from(got(name)), name).toEqual(Array.from(data));
    else expect(maxDifference(got(name), data), name).toBeLessThan(1e-4 * maxAbs(data));
};
