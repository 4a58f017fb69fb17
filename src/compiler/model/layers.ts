// The small parts of a decoder: a linear layer, vectors, starts of parameters.
// Linear weights are [in, out] here and [out, in] on disk, so that no product reads a transposed operand.
import type { Init } from "../../bundle/manifest.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { number, text } from "./config.ts";
import { add, matMul } from "./ops.ts";
import type { LayerName, Parameters } from "./parameters.ts";
import type { Cell, SubLayer } from "./sites.ts";

/**
 * `xavier_*`: Glorot and Bengio 2010, eq. 16, times a gain; `kaiming`: arXiv 1502.01852, eq. 10 and 14; `fan_in`: as PyTorch's
 * nn.Linear starts, kaiming_uniform with a = √5.
 * @param inputs that one output of the layer sums over
 * @param outputs that one input reaches
 */
export const initOf = (init: Variant, inputs: number, outputs: number): Init => {
  switch (init.is) {
    case "normal":
      return { kind: "normal", std: number(init, "std") };
    case "fan_in":
      return { kind: "uniform", bound: inputs ** -0.5 };
    case "xavier_normal":
      return { kind: "normal", std: number(init, "gain") * Math.sqrt(2 / (inputs + outputs)) };
    case "xavier_uniform":
      return { kind: "uniform", bound: number(init, "gain") * Math.sqrt(6 / (inputs + outputs)) };
    case "kaiming": {
      const fan = text(init, "fan") === "out" ? outputs : inputs;
      return { kind: "normal", std: Math.sqrt(2 / fan) };
    }
    default:
      throw new InternalError(`no initial distribution ${init.is}`);
  }
};

/** x [..., in] -> x · W + bias [..., out] */
export const linear = (
  b: Builder,
  params: Parameters,
  x: Node,
  layer: LayerName & { readonly out: Dim; readonly bias: boolean; readonly init: Variant },
): Node => {
  const { path, disk, out } = layer;
  const W = params.get({
    name: `${path}.weight`,
    diskName: `${disk}.weight`,
    shape: [x.type.shape.at(-1)!, out],
    transposed: true,
    init: initOf(layer.init, x.type.shape.at(-1)!.size, out.size),
    role: "weight",
  });
  const y = matMul(b, x, W);
  return layer.bias ? add(b, y, vector(params, layer, "bias", out, 0)) : y;
};

/** A gain or bias [D]. */
export const vector = (
  params: Parameters,
  { path, disk }: LayerName,
  part: "weight" | "bias",
  D: Dim,
  value: number,
): Node =>
  params.get({
    name: `${path}.${part}`,
    diskName: `${disk}.${part}`,
    shape: [D],
    init: { kind: "constant", value },
    role: part === "bias" ? "bias" : "norm",
  });

/** x [B, T, in] -> [B, T, out] by the block's layer "attention.q", "self_attn.q_proj" on disk. */
export const project = (
  { b, params, path, disk, startOf }: Cell,
  [sub, part]: readonly [SubLayer, string],
  x: Node,
  out: Dim,
  bias: boolean,
): Node => {
  const layer = {
    path: `${path}.${sub}.${part}`,
    disk: `${disk}.${sub === "attention" ? "self_attn" : "mlp"}.${part}_proj`,
    out,
    bias,
    init: startOf(sub, part),
  };
  return b.at(part, undefined, () => linear(b, params, x, layer));
};
