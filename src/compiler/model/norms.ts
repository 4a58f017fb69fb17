// What a norm does to the last axis. The gain is trained; statistics are of each position alone.
import type { Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number } from "./config.ts";
import { batchNorm } from "./convolution.ts";
import { vector } from "./layers.ts";
import type { LayerName } from "./parameters.ts";
import { add } from "./ops.ts";
import { kindOf, type NormKind } from "./sites.ts";
import type { Stage } from "./sites.ts";

export const normKinds: Readonly<Record<string, NormKind>> = {
  rmsnorm: ({ b, params }, spec, x, name, gain) => {
    const D = x.type.shape.at(-1)!;
    const offset = flag(spec, "unit_offset") ? 1 : 0;
    const weight = vector(params, name, "weight", D, gain - offset);
    const whole = offset === 0 ? weight : add(b, weight, offset);
    return b.emit("rmsNorm", [x, whole], { eps: number(spec, "eps") });
  },
  layernorm: ({ b, params }, spec, x, name, gain) => {
    const D = x.type.shape.at(-1)!;
    const weight = vector(params, name, "weight", D, gain);
    const bias = flag(spec, "bias")
      ? vector(params, name, "bias", D, 0)
      : b.emit("full", [], { dtype: "f32", shape: [D], value: 0 });
    return b.emit("layerNorm", [x, weight, bias], { eps: number(spec, "eps") });
  },
  batchnorm: batchNorm,
  none: (_stage, _spec, x) => x,
};

/** x [..., D] -> [..., D] by the norm that `spec` names. */
export const normalise = (stage: Stage, spec: Variant, x: Node, name: LayerName, gain = 1): Node =>
  kindOf(stage.kinds.norm, spec)(stage, spec, x, name, gain);
