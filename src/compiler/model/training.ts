// The training step as a graph: loss, gradients, clipping, decay, optimizer. With micro-batches it falls into two programs,
// `accumulate` and `apply`, which share `applyGradients` with `train_step`.
import { IGNORED } from "../../bundle/targets.ts";
import type { ScalarExpr } from "../../bundle/manifest.ts";
import { mul as times } from "../../bundle/scalar.ts";
import { InternalError } from "../diagnostics/types.ts";
import { count as sizeOf } from "../ir/shape.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { differentiable, differentiate } from "../passes/differentiate.ts";
import { recompute } from "../passes/recompute.ts";
import { matchSelector } from "../semantics/selectors.ts";
import type { RecipeSpec } from "../semantics/spec.ts";
import { number } from "./config.ts";
import type { Densities } from "./masks.ts";
import {
  add,
  dim,
  div,
  globalNorm,
  iota,
  maximum,
  minimum,
  mul,
  reshape,
  scalar,
  sumAll,
} from "./ops.ts";
import { optimizer, type Optimizer } from "./optimizer.ts";
import type { Parameter, Parameters } from "./parameters.ts";
import { schedule } from "./schedule.ts";
import type { Answer, GradEntry, Method } from "./sites.ts";
import type { Effects } from "./effects.ts";
import { stacked, stacksOf, unstacked, type Stack } from "./stacks.ts";

/** Mean over the counted targets of -log p(target), 0 if there are none. logits [..., V], targets i32 [...]. */
const meanLoss = (b: Builder, logits: Node, targets: Node): Node => {
  const { sum, count } = lossSum(b, logits, targets);
  return div(b, sum, maximum(b, count, 1));
};

export interface Losses {
  /** Mean of the trained answers' losses: comparable whatever the number of heads. */
  readonly loss: Node;
  /** What is differentiated. */
  readonly objective: Node;
  /** Of each answer. */
  readonly each: readonly Node[];
}
/** The losses of what is trained, and how they become one number; `terms` are what layers add to it. */
export const lossesOf = (
  b: Builder,
  answer: Answer,
  targets: Node,
  terms: Effects["losses"],
): Losses => {
  const each = answer.trained.map((logits) => meanLoss(b, logits, targets));
  const [first, ...others] = each;
  if (first === undefined) throw new InternalError("a model without an answer to train");
  const sum = others.reduce<Node>((all, x) => add(b, all, x), first);
  const loss = others.length === 0 ? first : mul(b, sum, 1 / each.length);
  const objective = terms.reduce(
    (all, { node }) => add(b, all, node),
    answer.loss === "sum" ? sum : loss,
  );
  return { loss, objective, each };
};

/** Sum of nats, and how many targets were counted: two f32 scalars. */
export const lossSum = (
  b: Builder,
  logits: Node,
  targets: Node,
): { readonly sum: Node; readonly count: Node } => {
  const V = logits.type.shape.at(-1);
  if (V === undefined) throw new InternalError("logits without an axis of answers");
  const N = dim("answers", sizeOf(targets.type));
  const flat = reshape(b, targets, [N]);
  const nats = b.emit("crossEntropy", [reshape(b, logits, [N, V]), flat], { ignore: IGNORED });
  const ignored = b.emit("equal", [flat, scalar(b, IGNORED, "i32")], {});
  const counted = b.emit("cast", [b.emit("not", [ignored], {})], { dtype: "f32" });
  return { sum: sumAll(b, nats), count: sumAll(b, counted) };
};

export interface Gradients {
  /** Of the trained parameters; the row of a padding token gets none. */
  readonly grads: readonly GradEntry[];
  /** At the points asked for, in their order. */
  readonly atPoints: readonly Node[];
}
/**
 * @param kept values between which the gradient computes anew what it needs; none: it keeps everything
 * @param points values between loss and parameters whose gradients are wanted too
 */
export const gradients = (
  b: Builder,
  params: Parameters,
  loss: Node,
  kept: readonly Node[] = [],
  points: readonly Node[] = [],
): Gradients => {
  const trained = params.list().filter((p) => p.trained);
  const nodes = trained.map((p) => params.node(p.name));
  const all = gradientsWithin(b, loss, [...nodes, ...points], kept);
  return {
    grads: trained.map((p, i) => ({
      name: p.name,
      role: p.role,
      grad: inFrozenRow(b, p, scalar(b, 0), all[i]!),
    })),
    atPoints: all.slice(trained.length),
  };
};

const gradientsWithin = (
  b: Builder,
  loss: Node,
  wrt: readonly Node[],
  kept: readonly Node[],
): readonly Node[] => {
  if (kept.length === 0) return differentiate(b, loss, wrt);
  const ready = differentiable(b, [loss, ...kept, ...wrt]);
  const values = kept.map((x) => ready.get(x)!);
  const all = differentiate(b, ready.get(loss)!, [...wrt.map((x) => ready.get(x)!), ...values]);
  const [grads, atKept] = [all.slice(0, wrt.length), all.slice(wrt.length)];
  const now = recompute(
    b,
    values.map((value, i) => ({ value, grad: atKept[i]! })),
    grads,
  );
  return grads.map((g) => now.get(g)!);
};

/** `held` in the row that is never updated, `free` in all others. */
const inFrozenRow = (b: Builder, p: Parameter, held: Node, free: Node): Node => {
  if (p.frozenRow === null) return free;
  const rows = iota(b, "i32", [p.shape[0]!, dim("", 1)], 0); // [rows, 1]
  const isHeld = b.emit("equal", [rows, scalar(b, p.frozenRow, "i32")], {});
  return b.emit("select", [isHeld, held, free], {});
};

/** Scales gradients so that their joint norm is at most `max`: torch.nn.utils.clip_grad_norm_, its 1e-6 included. */
export const clipTo = (
  b: Builder,
  max: number,
  grads: readonly GradEntry[],
  norm: Node,
): readonly GradEntry[] => {
  const factor = minimum(b, div(b, max, add(b, norm, 1e-6)), 1);
  return grads.map((g) => ({ ...g, grad: mul(b, g.grad, factor) }));
};

/** The decay of a parameter: the first rule that takes it. */
const decayOf = ({ recipe, depth }: Plan, parameter: string): number => {
  const rule = recipe.decay.find((r) => matchSelector(r.selector, parameter, depth));
  if (rule === undefined) throw new InternalError(`no decay rule takes ${parameter}`);
  return rule.value.is === "constant" ? number(rule.value, "rate") : 0;
};

export interface Plan {
  readonly recipe: RecipeSpec;
  readonly optimizer: Optimizer;
  readonly learningRate: ScalarExpr;
  /** Blocks of the model: selectors may count them. */
  readonly depth: number;
  readonly densities: Densities;
}
export const planOf = (
  recipe: RecipeSpec,
  totalSteps: number,
  depth: number,
  densities: Densities,
): Plan => ({
  recipe,
  depth,
  densities,
  optimizer: optimizer(recipe.optimizer),
  learningRate: times(number(recipe.optimizer, "lr"), schedule(recipe.schedule, totalSteps)),
});

export interface Applied {
  readonly inputs: readonly Node<"input">[];
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  readonly outputs: Graph["outputs"];
  readonly updates: Graph["updates"];
}

/** Values by name; `rate` is the schedule's. */
interface Given {
  readonly rate: Node;
  readonly scalars: Readonly<Record<string, Node>>;
}
/** New values of a stack's parameters and of what the optimizer keeps for them. */
const updated = (
  b: Builder,
  plan: Plan,
  methods: readonly Method[],
  params: Parameters,
  stack: Stack,
  { grad }: GradEntry,
  given: Given,
): Graph["updates"] => {
  const { optimizer: chosen, recipe } = plan;
  const [first] = stack;
  const factor = methods.reduce((f, m) => f * (m.learningRate?.(recipe, first.role) ?? 1), 1);
  const held = (suffix: string): Node =>
    stacked(
      b,
      stack.map((p) => b.emit("state", [], { name: `${p.name}/${suffix}`, shape: p.shape })),
    );
  const param = stacked(
    b,
    stack.map((p) => params.node(p.name)),
  );
  const at = {
    ...{ param, grad, decay: decayOf(plan, first.name) },
    slots: Object.fromEntries(chosen.slots.map((slot) => [slot, held(slot)])),
    rate: factor === 1 ? given.rate : mul(b, given.rate, factor),
  };
  const after = chosen.update(b, at, given.scalars);
  const each = (value: Node, state: (p: Parameter) => string): Graph["updates"] =>
    unstacked(b, stack, value).map((node, i) => ({ state: state(stack[i]!), node }));
  return [
    // A padding row has no gradient; decay must not move it either.
    ...each(inFrozenRow(b, first, param, after.param), (p) => p.name),
    ...chosen.slots.flatMap((slot) => each(after.slots[slot]!, (p) => `${p.name}/${slot}`)),
  ];
};

/** Clips, decays and updates: the part of a step after the gradients. */
export const applyGradients = (
  b: Builder,
  plan: Plan,
  methods: readonly Method[],
  params: Parameters,
  grads: readonly GradEntry[],
): Applied => {
  const { recipe, optimizer: chosen } = plan;
  const exprs = { learning_rate: plan.learningRate, ...chosen.scalars };
  const inputs = Object.keys(exprs).map((name) =>
    b.emit("input", [], { name, dtype: "f32", shape: [] }),
  );
  const scalars = Object.fromEntries(inputs.map((node) => [node.attrs.name, node]));

  const gradOf = new Map(grads.map((g) => [g.name, g.grad]));
  const stacks = stacksOf(
    params.list().filter((p) => gradOf.has(p.name)),
    ({ name }) => String(decayOf(plan, name)),
  );
  const entries = stacks.map((stack): GradEntry => {
    const [{ name, role }] = stack;
    const each = stack.map((p) => gradOf.get(p.name)!);
    return { name, role, grad: stacked(b, each) };
  });
  const norm = globalNorm(
    b,
    entries.map((g) => g.grad),
  );
  const clipped =
    recipe.clip === null ? entries : clipTo(b, number(recipe.clip, "max"), entries, norm);
  const ready = methods.reduce((gs, m) => m.clip?.(b, recipe, gs) ?? gs, clipped);

  const given = { rate: inputs[0]!, scalars };
  const updates = stacks.flatMap((stack, i) =>
    b.at(stack.length === 1 ? stack[0].name : "", undefined, () =>
      updated(b, plan, methods, params, stack, ready[i]!, given),
    ),
  );
  return { inputs, scalars: exprs, outputs: [{ name: "grad_norm", node: norm }], updates };
};
