// What a norm does to the last axis. The gain is trained and starts at 1; statistics are of each position alone.
import type { Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number } from "./config.ts";
import { vector, type LayerName } from "./layers.ts";
import { kindOf, type NormKind } from "./sites.ts";
import type { Stage } from "./stage.ts";

export const normKinds: Readonly<Record<string, NormKind>> = {
  rmsnorm: ({ b, params }, spec, x, name) => {
    const gain = vector(params, name, "weight", x.type.shape.at(-1)!, 1);
    return b.emit("rmsNorm", [x, gain], { eps: number(spec, "eps") });
  },
  layernorm: ({ b, params }, spec, x, name) => {
    const D = x.type.shape.at(-1)!;
    const gain = vector(params, name, "weight", D, 1);
    const bias = flag(spec, "bias")
      ? vector(params, name, "bias", D, 0)
      : b.emit("full", [], { dtype: "f32", shape: [D], value: 0 });
    return b.emit("layerNorm", [x, gain, bias], { eps: number(spec, "eps") });
  },
};

/** x [..., D] -> [..., D] by the norm that `spec` names. */
export const normalise = (stage: Stage, spec: Variant, x: Node, name: LayerName): Node =>
  kindOf(stage.kinds.norm, spec)(stage, spec, x, name);
