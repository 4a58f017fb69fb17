// Optimizers as graphs: one parameter, its gradient and its slots in, new values out.
// AdamW: arXiv 1711.05101, decay applied to the parameter at the scheduled rate; Adam: arXiv 1412.6980, decay added to the
// gradient; SGD: with momentum as PyTorch defines it, v = μ v + g.
import type { ScalarExpr } from "../../bundle/manifest.ts";
import { pow, step, sub } from "../../bundle/scalar.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { number, numbers } from "./config.ts";

export interface Update {
  readonly param: Node;
  readonly slots: Readonly<Record<string, Node>>;
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
      readonly slots: Readonly<Record<string, Node>>;
      readonly rate: Node;
      readonly decay: number;
    },
    scalars: Readonly<Record<string, Node>>,
  ) => Update;
}

const constant = (b: Builder, value: number): Node =>
  b.emit("full", [], { dtype: "f32", shape: [], value });
const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], {});
const sub2 = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], {});
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], {});
const slot = (slots: Readonly<Record<string, Node>>, name: string): Node => {
  const node = slots[name];
  if (node === undefined) throw new InternalError(`no slot ${name}`);
  return node;
};

export const optimizer = (spec: Variant): Optimizer => {
  switch (spec.is) {
    case "adamw":
      return adam(spec, true);
    case "adam":
      return adam(spec, false);
    case "sgd":
      return sgd(number(spec, "momentum"));
    default:
      throw new InternalError(`no optimizer ${spec.is}`);
  }
};

const adam = (spec: Variant, decoupled: boolean): Optimizer => {
  const [beta1 = 0.9, beta2 = 0.999] = numbers(spec, "betas");
  const eps = number(spec, "eps");
  return {
    slots: ["exp_avg", "exp_avg_sq"],
    // 1 - βᵏ in float64: in f32 the difference would lose half its digits at the first steps.
    scalars: { bias1: sub(1, pow(beta1, step)), bias2: sub(1, pow(beta2, step)) },
    update: (b, { param, grad, slots, rate, decay }, scalars) => {
      const g = !decoupled && decay !== 0 ? add(b, grad, mul(b, param, constant(b, decay))) : grad;
      const m = add(
        b,
        mul(b, slot(slots, "exp_avg"), constant(b, beta1)),
        mul(b, g, constant(b, 1 - beta1)),
      );
      const v = add(
        b,
        mul(b, slot(slots, "exp_avg_sq"), constant(b, beta2)),
        mul(b, b.emit("square", [g], {}), constant(b, 1 - beta2)),
      );
      const root = b.emit("sqrt", [b.emit("div", [v, slot(scalars, "bias2")], {})], {});
      const size = b.emit("div", [rate, slot(scalars, "bias1")], {});
      const move = b.emit("div", [mul(b, m, size), add(b, root, constant(b, eps))], {});
      const shrunk =
        decoupled && decay !== 0
          ? mul(b, param, sub2(b, constant(b, 1), mul(b, rate, constant(b, decay))))
          : param;
      return { param: sub2(b, shrunk, move), slots: { exp_avg: m, exp_avg_sq: v } };
    },
  };
};

const sgd = (momentum: number): Optimizer => ({
  slots: momentum === 0 ? [] : ["momentum"],
  scalars: {},
  update: (b, { param, grad, slots, rate, decay }) => {
    const g = decay === 0 ? grad : add(b, grad, mul(b, param, constant(b, decay)));
    const v =
      momentum === 0 ? g : add(b, mul(b, slot(slots, "momentum"), constant(b, momentum)), g);
    return { param: sub2(b, param, mul(b, v, rate)), slots: momentum === 0 ? {} : { momentum: v } };
  },
});
