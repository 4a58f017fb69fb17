// Gradient-Preserving Activation Scaling, arXiv 2506.22049: y = h - f(g) · stop(h). The forward pass shrinks the stream, the
// backward pass does not see it. README.md states the equations and what the authors' code does.
import type { Builder, Node } from "../../ir/types.ts";
import { flag, number, text } from "../../model/config.ts";
import { globalNorm, mul, stopGradient, sub } from "../../model/ops.ts";
import type { GradEntry, Site, SiteContext } from "../../model/sites.ts";
import { clipTo } from "../../model/training.ts";
import type { BlockSpec, Variant } from "../../semantics/spec.ts";
import type { Feature } from "../feature.ts";
import { gateActivations } from "./gate.ts";
import { gpasCheckpoints } from "./huggingface.ts";
import { siteOf, vocabulary } from "./vocabulary.ts";
import { gateWatch } from "./watch.ts";

/** The role of gates: what the clip, the learning rate and the probe find them by. */
const GATE = "gate";
/** Sites where it is the residual stream that a gate scales. */
const STREAM: ReadonlySet<Site> = new Set(["residual.in", "residual.skip", "residual.out"]);

/** G(h; g) = h - f(g) · sg(h), eq. 1-3: numerically (1 - f(g)) · h, with the identity as gradient to h. */
export const scale = (b: Builder, h: Node, fraction: Node, stop: boolean): Node =>
  sub(b, h, mul(b, fraction, stop ? stopGradient(b, h) : h));

const gated =
  (site: Site) =>
  (h: Node, config: Variant, cx: SiteContext): Node => {
    if (siteOf(config, cx.placement) !== site) return h;
    // One gate a block, used after both sub-layers, is what the authors' code does; the paper's figure draws one for each.
    const part = text(config, "share") === "block" ? "gate" : `${cx.subLayer}_gate`;
    const gate = cx.param({
      name: `gpas.${part}`,
      diskName: `gpas_block.${part}`,
      shape: [],
      init: { kind: "constant", value: number(config, "init") },
      trained: flag(config, "trainable"),
      role: GATE,
    });
    const fraction = gateActivations[text(config, "gate")]!.graph(cx.b, gate);
    const scaled = scale(cx.b, h, fraction, flag(config, "stop_gradient"));
    if (STREAM.has(site))
      cx.effects.points.push({ place: `${cx.path}.gpas.${cx.subLayer}`, node: scaled });
    return scaled;
  };

/** The gates' gradients, their joint norm at most `max`; the others as they are. */
const clipGates = (b: Builder, grads: readonly GradEntry[], max: number): readonly GradEntry[] => {
  const gates = grads.filter((g) => g.role === GATE);
  if (gates.length === 0) return grads;
  const norm = globalNorm(
    b,
    gates.map((g) => g.grad),
  );
  const clipped = new Map(clipTo(b, max, gates, norm).map((g) => [g.name, g]));
  return grads.map((g) => clipped.get(g.name) ?? g);
};

export const gpas: Feature = {
  name: "gpas",
  paper: { title: "Gradient-Preserving Activation Scaling", arxiv: "2506.22049" },
  vocabulary,
  families: [gpasCheckpoints],
  configOf: (block: BlockSpec) => (block.scaling?.is === "gpas" ? block.scaling : undefined),
  siteOf,
  sites: {
    "residual.in": gated("residual.in"),
    "norm.out": gated("norm.out"),
    "branch.out": gated("branch.out"),
    "residual.skip": gated("residual.skip"),
    "residual.out": gated("residual.out"),
  },
  clip: (b, recipe, grads) => {
    const max = recipe["gate_clip"];
    return typeof max === "number" ? clipGates(b, grads, max) : grads;
  },
  learningRate: (recipe, role) => {
    const rate = recipe["gate_lr"];
    return role === GATE && typeof rate === "number" ? rate : 1;
  },
  probes: [{ name: "gates", role: GATE }],
  watches: [gateWatch],
};
