// The gradient op of attention, through whole models in float64, against the gradient of attention's own expansion: scores,
// softmax and product, each with the gradient of its row.
import { expect, it } from "vitest";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import type { Graph, Node } from "../../src/compiler/ir/types.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import { copyOf, expandNode } from "../../src/compiler/passes/expand.ts";
import { variants } from "./variants.ts";

const [B, T, V] = [2, 5, 7];
const forwardOf = (name: string, gradients: boolean): Graph =>
  buildPrograms({ ...variants[name]!, context: T }, undefined, {
    methods: features,
    programs: ["forward"],
    binding: { batch: B, sequence: T },
    gradients,
    totalSteps: 0,
  }).programs[0]!.graph;

/** `grad.<state>` of the loss, where attention is made of simpler ops before anything is differentiated. */
const expanded = (graph: Graph, states: readonly string[]): Graph => {
  const { b, copies } = copyOf(graph);
  const done = expandNode(
    b,
    [...copies.values()],
    ({ op }) => op === "attention" || op === "attentionStats",
  );
  const now = (node: Node): Node => done.get(copies.get(node)!)!;
  const loss = now(graph.outputs.find(({ name }) => name === "loss")!.node);
  const found = nodesOf(graph).filter((n): n is Node<"state"> => n.op === "state");
  const wrt = states.map((state) => now(found.find(({ attrs }) => attrs.name === state)!));
  const grads = differentiate(b, loss, wrt);
  return {
    name: "gradients",
    inputs: graph.inputs.map((x) => now(x) as Node<"input">),
    outputs: states.map((state, i) => ({ name: `grad.${state}`, node: grads[i]! })),
    updates: [],
  };
};

const MODELS = [
  ...["llama", "gqa", "mqa", "attention biases", "a window, a cap, a scale", "sinks", "alibi"],
  ...["queries and keys normalised", "no positions", "mla", "gpas without the stop"],
];
it.each(MODELS)("%s: gradients through the op and through its expansion", (name) => {
  const whole = forwardOf(name, true);
  const grads = whole.outputs.filter((output) => output.name.startsWith("grad."));
  const states = grads.map((output) => output.name.slice("grad.".length));
  const apart = expanded(forwardOf(name, false), states);
  expect(nodesOf(whole).some(({ op }) => op === "attentionGrad")).toBe(true);
  expect(nodesOf(apart).some(({ op }) => op.startsWith("attention"))).toBe(false);

  const state = Object.fromEntries(
    nodesOf(whole)
      .filter((n): n is Node<"state"> => n.op === "state")
      .map(({ attrs, type }, n) => [
        attrs.name,
        Float64Array.from({ length: type.shape.reduce((size, d) => size * d.size, 1) }, (_, i) =>
          Math.sin(1 + i * (n + 1.3)),
        ),
      ]),
  );
  const input_ids = Array.from({ length: B * T }, (_, i) => (i * i + 3) % V);
  const targets = input_ids.map((id, i) => (i % T === T - 1 ? -100 : (id + 2) % V));
  const inputs = { input_ids, targets };
  const wanted = evaluate(apart, { inputs, state }).outputs;
  const found = evaluate({ ...whole, outputs: grads }, { inputs, state }).outputs;
  for (const { name: output } of grads) {
    const [a, b] = [found[output]!.data, wanted[output]!.data];
    const largest = b.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    a.forEach((x, i) => expect(Math.abs(x - b[i]!) / largest, output).toBeLessThan(1e-10));
  }
});
