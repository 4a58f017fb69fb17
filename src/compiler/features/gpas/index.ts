// Gradient-Preserving Activation Scaling, arXiv 2506.22049: y = h - f(g) · stop(h). The forward pass shrinks the stream, the
// backward pass does not see it. README.md states the equations and what the authors' code does.
import { InternalError } from "../../diagnostics/types.ts";
import type { Builder, Node } from "../../ir/types.ts";
import { flag, number, text } from "../../model/config.ts";
import type { GradEntry, Site, SiteContext } from "../../model/sites.ts";
import type { BlockSpec, Variant } from "../../semantics/spec.ts";
import type { Feature } from "../feature.ts";
import { siteOf, vocabulary } from "./vocabulary.ts";

const none = {} as const;

/** f(g), the fraction removed; g and the result are scalars. Section 2 of the paper note, `custom_activations.py` of the authors. */
export const gateActivation = (b: Builder, activation: string, g: Node): Node => {
  switch (activation) {
    case "silu":
      return b.emit("silu", [g], none);
    case "identity":
      return g;
    case "relu":
      return b.emit("relu", [g], none);
    case "tanh":
      return b.emit("tanh", [g], none);
    case "leaky_relu":
      return b.emit("leakyRelu", [g], { slope: 0.01 });
    case "scale_silu": {
      const eight = b.emit("full", [], { dtype: "f32", shape: [], value: 8 });
      return b.emit("mul", [g, b.emit("sigmoid", [b.emit("mul", [g, eight], none)], none)], none);
    }
    default:
      throw new InternalError(`no gate activation ${activation}`);
  }
};

/** G(h; g) = h - f(g) · sg(h), eq. 1-3: numerically (1 - f(g)) · h, with the identity as gradient to h. */
export const scale = (b: Builder, h: Node, fraction: Node, stopGradient: boolean): Node => {
  const held = stopGradient ? b.emit("stopGradient", [h], none) : h;
  return b.emit("sub", [h, b.emit("mul", [fraction, held], none)], none);
};

const gated =
  (site: Site) =>
  (h: Node, config: Variant, cx: SiteContext): Node => {
    if (siteOf(config, cx.placement) !== site) return h;
    // One gate a block, used after both sub-layers, is what the authors' code does; the paper's figure draws one for each.
    const place = text(config, "share") === "block" ? "gpas" : `gpas_${cx.subLayer}`;
    const gate = cx.param({
      name: `${place}.gate`,
      diskName: `${place === "gpas" ? "gpas_block" : place}.gate`,
      shape: [],
      init: { kind: "constant", value: number(config, "init") },
      trained: flag(config, "trainable"),
      role: "gate",
    });
    return scale(
      cx.b,
      h,
      gateActivation(cx.b, text(config, "gate"), gate),
      flag(config, "stop_gradient"),
    );
  };

/** Scales all gradients of one role so that their joint norm is at most `max`; as torch.nn.utils.clip_grad_norm_ does. */
const clipRole = (
  b: Builder,
  grads: readonly GradEntry[],
  role: string,
  max: number,
): readonly GradEntry[] => {
  const ours = grads.filter((g) => g.role === role);
  if (ours.length === 0) return grads;
  const constant = (value: number): Node => b.emit("full", [], { dtype: "f32", shape: [], value });
  const squares: Node[] = ours.map((g) => b.emit("square", [g.grad], none));
  const norm = b.emit("sqrt", [squares.reduce((sum, s) => b.emit("add", [sum, s], none))], none);
  const room = b.emit("div", [constant(max), b.emit("add", [norm, constant(1e-6)], none)], none);
  const factor = b.emit("minimum", [room, constant(1)], none);
  return grads.map((g) =>
    g.role === role ? { ...g, grad: b.emit("mul", [g.grad, factor], none) } : g,
  );
};

export const gpas: Feature = {
  name: "gpas",
  paper: { title: "Gradient-Preserving Activation Scaling", arxiv: "2506.22049" },
  vocabulary,
  configOf: (block: BlockSpec) => (block.scaling?.is === "gpas" ? block.scaling : undefined),
  sites: {
    "residual.in": gated("residual.in"),
    "norm.out": gated("norm.out"),
    "branch.out": gated("branch.out"),
    "residual.skip": gated("residual.skip"),
    "residual.out": gated("residual.out"),
  },
  clip: (b, recipe, grads) => {
    const max = recipe["gate_clip"];
    return typeof max === "number" ? clipRole(b, grads, "gate", max) : grads;
  },
  learningRate: (recipe, role) => {
    const rate = recipe["gate_lr"];
    return role === "gate" && typeof rate === "number" ? rate : 1;
  },
  probes: [{ name: "gates", role: "gate" }],
};
