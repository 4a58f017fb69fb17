// A feed-forward layer alone: what it makes of a state, adds to the loss and can be seen of it, and its gradients.
import { createBuilder } from "../../ir/builder.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { unnamed } from "../../ir/shape.ts";
import type { Graph, Node } from "../../ir/types.ts";
import { createStage } from "../../model/kinds.ts";
import { createParameters, type Parameter } from "../../model/parameters.ts";
import { kindOf } from "../../model/sites.ts";
import { cellOf } from "../../model/cell.ts";
import type { Turn } from "../../model/tallies.ts";
import { differentiate } from "../../passes/differentiate.ts";
import { modelFrom } from "../../../../test/parity/models.ts";
import { features } from "../index.ts";

export const [B, T, D] = [2, 6, 4];

export const archOf = (ffn: string, blocks = 1): string => `model M {
  vocab_size  = 11
  hidden_size = ${D}
  context     = 16
  blocks ${blocks} {
    norm      = pre(rmsnorm())
    attention = mha(heads: 2)
    ffn       = ${ffn}
  }
}
`;

/** Numbers that look random and are always the same. */
export const noise = (n: number, seed: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(1.3 + i * 12.9898 + seed * 78.233));

export interface LayerRun {
  readonly parameters: readonly Parameter[];
  readonly state: Readonly<Record<string, Float64Array>>;
  readonly y: Float64Array;
  /** Of the sum of y, weighed, and the terms of the loss: by parameter, and "x". */
  readonly grads: Readonly<Record<string, Float64Array>>;
  readonly objective: number;
  readonly losses: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, Float64Array>>;
}

/**
 * In a whole update, unless told otherwise.
 * @param values of parameters that are not noise
 */
export const layerOf = (
  ffn: string,
  values: Readonly<Record<string, ArrayLike<number>>> = {},
  x: ArrayLike<number> = noise(B * T * D, 1),
  turn: Turn = "whole",
): LayerRun => {
  const model = modelFrom(archOf(ffn));
  const b = createBuilder();
  const params = createParameters(b);
  const stage = createStage(b, params, features, { turn });
  const cell = cellOf(stage, model, model.blocks[0]!, 0, "");
  const shape = [B, T, D].map(unnamed);
  const input = b.emit("input", [], { name: "x", dtype: "f32", shape });
  const spec = model.blocks[0]!.ffn;
  const y = kindOf(stage.kinds.ffn, spec).build(cell, spec, input);
  const weights = b.emit("constant", [], { dtype: "f32", shape, values: [...noise(B * T * D, 2)] });
  const weighed = b.emit("reduceSum", [b.emit("mul", [y, weights], {})], {
    axes: [0, 1, 2],
    keepDims: false,
  });
  const { losses, metrics } = stage.effects;
  const objective = losses.reduce<Node>((sum, l) => b.emit("add", [sum, l.node], {}), weighed);
  const parameters = params.list();
  const wrt: readonly (readonly [string, Node])[] = [
    ["x", input],
    ...parameters.map((p) => [p.name, params.node(p.name)] as const),
  ];
  const grads = differentiate(
    b,
    objective,
    wrt.map(([, node]) => node),
  );
  const graph: Graph = {
    name: "layer",
    inputs: [input],
    outputs: [
      { name: "y", node: y },
      { name: "objective", node: objective },
      ...[...losses, ...metrics],
      ...wrt.map(([name], i) => ({ name: `grad.${name}`, node: grads[i]! })),
    ],
    updates: [],
  };
  const state = Object.fromEntries(
    parameters.map((p, i) => {
      const size = p.shape.reduce((n, d) => n * d.size, 1);
      return [p.name, Float64Array.from(values[p.name] ?? noise(size, 3 + i))];
    }),
  );
  const { outputs } = evaluate(graph, { inputs: { x }, state });
  const of = (name: string): Float64Array => outputs[name]!.data;
  return {
    parameters,
    state,
    y: of("y"),
    grads: Object.fromEntries(wrt.map(([name]) => [name, of(`grad.${name}`)])),
    objective: of("objective")[0]!,
    losses: Object.fromEntries(losses.map((l) => [l.name, of(l.name)[0]!])),
    metrics: Object.fromEntries(metrics.map((m) => [m.name, of(m.name)])),
  };
};
