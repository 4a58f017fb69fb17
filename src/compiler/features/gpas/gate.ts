// The functions f of a gate: the fraction of the stream that it removes, as a graph and in float64, for what can be said about
// a gate before anything runs. `custom_activations.py` of the authors has all but sigmoid and gelu.
import { erf } from "../../ir/ops/erf.ts";
import type { Builder, Node } from "../../ir/types.ts";
import { mul, relu, sigmoid, silu, tanh } from "../../model/ops.ts";

interface GateActivation {
  readonly doc: string;
  readonly of: (g: number) => number;
  /** Up to here it has no slope, so a gate that begins there stays there. */
  readonly flatUpTo?: number;
  /** g and the result are scalars. */
  readonly graph: (b: Builder, g: Node) => Node;
}
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

export const gateActivations: Readonly<Record<string, GateActivation>> = {
  silu: {
    doc: "g · sigmoid(g): the published choice",
    of: (g) => g * logistic(g),
    graph: silu,
  },
  identity: { doc: "g", of: (g) => g, graph: (_b, g) => g },
  tanh: { doc: "tanh(g)", of: Math.tanh, graph: tanh },
  sigmoid: {
    doc: "1 / (1 + exp(-g)): at 0 half of the stream is gone",
    of: logistic,
    graph: sigmoid,
  },
  relu: {
    doc: "max(g, 0): a gate at or below 0 does not learn",
    of: (g) => Math.max(g, 0),
    flatUpTo: 0,
    graph: relu,
  },
  gelu: {
    doc: "g · Φ(g)",
    of: (g) => (g / 2) * (1 + erf(g * Math.SQRT1_2)),
    graph: (b, g) => b.emit("gelu", [g], { approximate: "none" }),
  },
  leaky_relu: {
    doc: "g, or 0.01 g below zero",
    of: (g) => (g < 0 ? 0.01 * g : g),
    graph: (b, g) => b.emit("leakyRelu", [g], { slope: 0.01 }),
  },
  scale_silu: {
    doc: "g · sigmoid(8 g)",
    of: (g) => g * logistic(8 * g),
    graph: (b, g) => mul(b, g, sigmoid(b, mul(b, g, 8))),
  },
};
