// Optimizers as graphs: one parameter, its gradient and its slots in, new values out. Legend: p parameter, g gradient,
// m and v running means of g and g², k number of the update, λ decay.
import type { ScalarExpr } from "../../bundle/manifest.ts";
import { pow, step, sub as minus } from "../../bundle/scalar.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number, numbers } from "./config.ts";
import { add, div, mul, sqrt, square, sub } from "./ops.ts";

type Named = Readonly<Record<string, Node>>;
export interface Update {
  readonly param: Node;
  readonly slots: Named;
}
export interface Optimizer {
  /** What it keeps for each parameter. */
  readonly slots: readonly string[];
  /** Scalar inputs beside `learning_rate`. */
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  /** `rate` is the learning rate of this parameter, f32 scalar; `decay` a constant. */
  readonly update: (
    b: Builder,
    at: {
      readonly param: Node;
      readonly grad: Node;
      readonly slots: Named;
      readonly rate: Node;
      readonly decay: number;
    },
    scalars: Named,
  ) => Update;
}

export const optimizer = (spec: Variant): Optimizer => {
  switch (spec.is) {
    case "adamw":
      return adam(spec, true);
    case "adam":
      return adam(spec, false);
    case "sgd":
      return sgd(number(spec, "momentum"), flag(spec, "nesterov"));
    default:
      throw new InternalError(`no optimizer ${spec.is}`);
  }
};

const named = (nodes: Named, name: string): Node => {
  const node = nodes[name];
  if (node === undefined) throw new InternalError(`no optimizer value ${name}`);
  return node;
};

/**
 * Adam, arXiv 1412.6980: p - rate · m̂ / (√v̂ + ε), with decay added to the gradient. AdamW, arXiv 1711.05101: decay apart
 * from it, p · (1 - rate · λ). Both as torch.optim has them.
 */
const adam = (spec: Variant, decoupled: boolean): Optimizer => {
  const [beta1 = 0.9, beta2 = 0.999] = numbers(spec, "betas");
  const eps = number(spec, "eps");
  return {
    slots: ["exp_avg", "exp_avg_sq"],
    // 1 - βᵏ in float64: in f32 the difference would lose half its digits at the first steps.
    scalars: { bias1: minus(1, pow(beta1, step)), bias2: minus(1, pow(beta2, step)) },
    update: (b, { param: p, grad, slots, rate, decay }, scalars) => {
      const g = decoupled || decay === 0 ? grad : add(b, grad, mul(b, p, decay));
      const m = add(b, mul(b, named(slots, "exp_avg"), beta1), mul(b, g, 1 - beta1));
      const v = add(b, mul(b, named(slots, "exp_avg_sq"), beta2), mul(b, square(b, g), 1 - beta2));
      const root = add(b, sqrt(b, div(b, v, named(scalars, "bias2"))), eps);
      const move = div(b, mul(b, m, div(b, rate, named(scalars, "bias1"))), root);
      const kept = decoupled && decay !== 0 ? mul(b, p, sub(b, 1, mul(b, rate, decay))) : p;
      return { param: sub(b, kept, move), slots: { exp_avg: m, exp_avg_sq: v } };
    },
  };
};

/**
 * With momentum as torch.optim.SGD has it: v = μ · v + g, p - rate · v; Nesterov's form p - rate · (g + μ · v). Decay is added to
 * the gradient.
 */
const sgd = (momentum: number, nesterov: boolean): Optimizer => ({
  slots: momentum === 0 ? [] : ["momentum"],
  scalars: {},
  update: (b, { param: p, grad, slots, rate, decay }) => {
    const g = decay === 0 ? grad : add(b, grad, mul(b, p, decay));
    const v = momentum === 0 ? g : add(b, mul(b, named(slots, "momentum"), momentum), g);
    const move = nesterov ? add(b, g, mul(b, v, momentum)) : v;
    return { param: sub(b, p, mul(b, move, rate)), slots: momentum === 0 ? {} : { momentum: v } };
  },
});
