// The dense feed-forward layers. Legend: B batch, T positions, D hidden size, F intermediate size.
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number, text } from "./config.ts";
import { project } from "./layers.ts";
import { dim, mul, relu, silu, square } from "./ops.ts";
import type { Layer, LayerKind } from "./sites.ts";

type Part = (part: "gate" | "up") => Node;

/** `inner` makes [B, T, F] of the projections it asks for; `down` goes back. [B, T, D] -> [B, T, D] */
const feedForward =
  (inner: (b: Builder, to: Part, spec: Variant) => Node): Layer =>
  (cell, spec, x) => {
    const D: Dim = x.type.shape.at(-1)!;
    const F = dim("ffn", number(spec, "intermediate"));
    const bias = flag(spec, "bias");
    const to: Part = (part) => project(cell, ["ffn", part], x, F, bias);
    return project(cell, ["ffn", "down"], inner(cell.b, to, spec), D, bias);
  };

const gelu = (b: Builder, spec: Variant, x: Node): Node =>
  b.emit("gelu", [x], { approximate: text(spec, "approximate") === "tanh" ? "tanh" : "none" });

/** Gated forms: arXiv 2002.05202; relu2: 2109.08668. */
export const feedForwardKinds: Readonly<Record<string, LayerKind>> = {
  swiglu: { build: feedForward((b, to) => mul(b, silu(b, to("gate")), to("up"))) },
  geglu: { build: feedForward((b, to, spec) => mul(b, gelu(b, spec, to("gate")), to("up"))) },
  gelu: { build: feedForward((b, to, spec) => gelu(b, spec, to("up"))) },
  relu2: { build: feedForward((b, to) => square(b, relu(b, to("up")))) },
};
