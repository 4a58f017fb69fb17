// The training step as a graph: loss, gradients, clipping, decay, optimizer. With micro-batches it falls into two programs,
// `accumulate` and `apply`.
import type { ScalarExpr } from "../../bundle/manifest.ts";
import { mul as times } from "../../bundle/scalar.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { differentiate } from "../passes/differentiate.ts";
import { matchSelector } from "../semantics/selectors.ts";
import type { RecipeSpec } from "../semantics/spec.ts";
import { number } from "./config.ts";
import { optimizer, type Optimizer } from "./optimizer.ts";
import type { Parameter, Parameters } from "./parameters.ts";
import { schedule } from "./schedule.ts";
import type { GradEntry, Method } from "./sites.ts";

export interface Update {
  readonly state: string;
  readonly node: Node;
}
type Outputs = Graph["outputs"];

/** Mean over the counted targets of -log p(target). logits [B, T, V], targets i32 [B, T], -100 not counted. */
export const meanLoss = (b: Builder, logits: Node, targets: Node): Node => {
  const { sum, count } = lossSum(b, logits, targets);
  const one = b.emit("full", [], { dtype: "f32", shape: [], value: 1 });
  return b.emit("div", [sum, b.emit("maximum", [count, one], {})], {});
};

/** Sum of nats, and how many targets were counted: two f32 scalars. */
export const lossSum = (
  b: Builder,
  logits: Node,
  targets: Node,
): { readonly sum: Node; readonly count: Node } => {
  const [B, T, V] = logits.type.shape;
  if (B === undefined || T === undefined || V === undefined)
    throw new InternalError("logits are not [B, T, V]");
  const N = { name: "tokens", size: B.size * T.size };
  const flat = b.emit("reshape", [targets], { shape: [N] });
  const nats = b.emit("crossEntropy", [b.emit("reshape", [logits], { shape: [N, V] }), flat], {
    ignore: -100,
  });
  const ignored = b.emit("full", [], { dtype: "i32", shape: [], value: -100 });
  const counted = b.emit("cast", [b.emit("not", [b.emit("equal", [flat, ignored], {})], {})], {
    dtype: "f32",
  });
  const total = (x: Node): Node => b.emit("reduceSum", [x], { axes: [0], keepDims: false });
  return { sum: total(nats), count: total(counted) };
};

/** Gradients of the trained parameters; the row of a padding token gets none. */
export const gradients = (b: Builder, params: Parameters, loss: Node): readonly GradEntry[] => {
  const trained = params.list().filter((p) => p.trained);
  const grads = differentiate(
    b,
    loss,
    trained.map((p) => params.node(p.name)),
  );
  return trained.map((p, i) => ({ name: p.name, role: p.role, grad: holdRow(b, p, grads[i]!) }));
};

const holdRow = (b: Builder, p: Parameter, grad: Node): Node => {
  if (p.frozenRow === null) return grad;
  const rows = b.emit("iota", [], {
    dtype: "i32",
    shape: [p.shape[0]!, { name: "", size: 1 }],
    axis: 0,
  });
  const held = b.emit(
    "equal",
    [rows, b.emit("full", [], { dtype: "i32", shape: [], value: p.frozenRow })],
    {},
  );
  return b.emit(
    "select",
    [held, b.emit("full", [], { dtype: "f32", shape: [], value: 0 }), grad],
    {},
  );
};

const scalarInput = (b: Builder, name: string): Node<"input"> =>
  b.emit("input", [], { name, dtype: "f32", shape: [] });

/** Square root of the sum of all squares: the global norm, f32 scalar. */
const globalNorm = (b: Builder, grads: readonly GradEntry[]): Node => {
  const squares = grads.map(({ grad }) =>
    b.emit("reduceSum", [b.emit("square", [grad], {})], {
      axes: grad.type.shape.map((_d, i) => i),
      keepDims: false,
    }),
  );
  return b.emit(
    "sqrt",
    [
      squares.reduce<Node>(
        (sum, s) => b.emit("add", [sum, s], {}),
        b.emit("full", [], { dtype: "f32", shape: [], value: 0 }),
      ),
    ],
    {},
  );
};

const clipped = (
  b: Builder,
  recipe: RecipeSpec,
  grads: readonly GradEntry[],
  norm: Node,
): readonly GradEntry[] => {
  if (recipe.clip === null) return grads;
  const constant = (value: number): Node => b.emit("full", [], { dtype: "f32", shape: [], value });
  // max / (norm + 1e-6), at most 1: torch.nn.utils.clip_grad_norm_.
  const room = b.emit(
    "div",
    [constant(number(recipe.clip, "max")), b.emit("add", [norm, constant(1e-6)], {})],
    {},
  );
  const factor = b.emit("minimum", [room, constant(1)], {});
  return grads.map((g) => ({ ...g, grad: b.emit("mul", [g.grad, factor], {}) }));
};

/** The decay of a parameter: the first rule that takes it. */
const decayOf = ({ recipe, depth }: Plan, parameter: string): number => {
  const rule = recipe.decay.find((r) => matchSelector(r.selector, parameter, depth));
  if (rule === undefined) throw new InternalError(`no decay rule takes ${parameter}`);
  return rule.value.is === "constant" ? number(rule.value, "rate") : 0;
};

export interface Applied {
  readonly inputs: readonly Node<"input">[];
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  readonly outputs: Outputs;
  readonly updates: readonly Update[];
}

export interface Plan {
  readonly recipe: RecipeSpec;
  readonly optimizer: Optimizer;
  readonly learningRate: ScalarExpr;
  /** Blocks of the model: selectors may count them. */
  readonly depth: number;
}
export const planOf = (recipe: RecipeSpec, totalSteps: number, depth: number): Plan => ({
  recipe,
  depth,
  optimizer: optimizer(recipe.optimizer),
  learningRate: times(number(recipe.optimizer, "lr"), schedule(recipe.schedule, totalSteps)),
});

/** Clips, decays and updates: the part of a step after the gradients. */
export const applyGradients = (
  b: Builder,
  plan: Plan,
  methods: readonly Method[],
  params: Parameters,
  grads: readonly GradEntry[],
): Applied => {
  const { recipe } = plan;
  const names = ["learning_rate", ...Object.keys(plan.optimizer.scalars)];
  const inputs = names.map((name) => scalarInput(b, name));
  const scalars = Object.fromEntries(names.map((name, i) => [name, inputs[i]!]));
  const rate = inputs[0]!;
  const norm = globalNorm(b, grads);
  const ready = methods.reduce(
    (gs, m) => m.clip?.(b, recipe, gs) ?? gs,
    clipped(b, recipe, grads, norm),
  );
  const byName = new Map(params.list().map((p) => [p.name, p]));
  const updates: Update[] = [];
  for (const { name, role, grad } of ready) {
    const p = byName.get(name)!;
    const slots = Object.fromEntries(
      plan.optimizer.slots.map((s) => [
        s,
        b.emit("state", [], { name: `${name}/${s}`, shape: p.shape }),
      ]),
    );
    const factor = methods.reduce((f, m) => f * (m.learningRate?.(recipe, role) ?? 1), 1);
    const own =
      factor === 1
        ? rate
        : b.emit("mul", [rate, b.emit("full", [], { dtype: "f32", shape: [], value: factor })], {});
    const after = b.at(name, undefined, () =>
      plan.optimizer.update(
        b,
        { param: params.node(name), grad, slots, rate: own, decay: decayOf(plan, name) },
        scalars,
      ),
    );
    // A padding row has no gradient; decay must not move it either.
    updates.push({
      state: name,
      node: p.frozenRow === null ? after.param : keepRow(b, p, params.node(name), after.param),
    });
    for (const s of plan.optimizer.slots)
      updates.push({ state: `${name}/${s}`, node: after.slots[s]! });
  }
  return {
    inputs,
    scalars: { learning_rate: plan.learningRate, ...plan.optimizer.scalars },
    outputs: [{ name: "grad_norm", node: norm }],
    updates,
  };
};

const keepRow = (b: Builder, p: Parameter, before: Node, after: Node): Node => {
  const rows = b.emit("iota", [], {
    dtype: "i32",
    shape: [p.shape[0]!, { name: "", size: 1 }],
    axis: 0,
  });
  const held = b.emit(
    "equal",
    [rows, b.emit("full", [], { dtype: "i32", shape: [], value: p.frozenRow ?? 0 })],
    {},
  );
  return b.emit("select", [held, before, after], {});
};
