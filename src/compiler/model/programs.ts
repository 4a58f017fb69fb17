// From Spec to programs over named state: each program is built in its own graph, differentiated and simplified.
// The conventions of names and shapes stand at the end of src/bundle/manifest.ts.
import type { ProgramName, ScalarExpr, StateEntry } from "../../bundle/manifest.ts";
import type { Span } from "../diagnostics/types.ts";
import { InternalError } from "../diagnostics/types.ts";
import { createBuilder } from "../ir/builder.ts";
import { toType } from "../ir/ops/row.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import type { ModelSpec, RecipeSpec } from "../semantics/spec.ts";
import { generationBinding, generationProgram, type GenerationBinding } from "./generation.ts";
import type { Forward } from "./body.ts";
import { evaluationOf, partName } from "./evaluation.ts";
import { createStage } from "./kinds.ts";
import { densitiesOf, maskEntries, masked, type Densities } from "./masks.ts";
import { parametersOf } from "./parameters-of.ts";
import { add, mul } from "./ops.ts";
import { inNumbers, policyOf } from "./precision.ts";
import { createParameters, stateEntry, type Parameter, type Parameters } from "./parameters.ts";
import { measuredGradients, measures, measuredStream, pointsOf, probeName } from "./probes.ts";
import { readModel, type Binding } from "./reading.ts";
import type { GradEntry, Method } from "./sites.ts";
import type { Effects } from "./effects.ts";
import type { Turn } from "./tallies.ts";
import { applyGradients, gradients, lossesOf, planOf, type Losses, type Plan } from "./training.ts";
import type { Built, Compiled } from "./types.ts";

export interface ProgramOptions {
  readonly methods: readonly Method[];
  readonly programs: readonly ProgramName[];
  /** Sizes of train_step, accumulate and eval_step. */
  readonly binding: Binding;
  /** Of `forward`; the same as `binding` unless given. */
  readonly forward?: Binding;
  /** Of prefill and decode_step. */
  readonly generation?: Partial<GenerationBinding>;
  /** `forward` also gives grad.<parameter>. */
  readonly gradients?: boolean;
  /** Updates of the whole run: schedules need it. */
  readonly totalSteps: number;
  readonly spanOf?: (path: string) => Span | undefined;
}
interface Making {
  readonly b: Builder;
  readonly params: Parameters;
  readonly data: Node<"input">;
  readonly targets: Node<"input">;
  readonly forward: Forward;
  readonly effects: Effects;
}

export const buildPrograms = (
  model: ModelSpec,
  recipe: RecipeSpec | undefined,
  options: ProgramOptions,
): Compiled => {
  const { methods, totalSteps } = options;
  const depth = model.blocks.length;
  const parameters = parametersOf(model, methods);
  const densities: Densities =
    recipe === undefined ? new Map() : densitiesOf(recipe, parameters, methods, depth);
  const plan = recipe && planOf(recipe, totalSteps, depth, densities);
  const programs = options.programs.map((name) => makers[name](model, plan, options));
  return {
    state: [...stateOf(parameters, plan), ...ownStateOf(programs)],
    programs,
    learningRate: plan?.learningRate ?? null,
    totalSteps,
    densities: Object.fromEntries(densities),
    active: Object.fromEntries(
      parameters.flatMap(({ name, active }) => (active < 1 ? [[name, active]] : [])),
    ),
  };
};

const stateOf = (
  parameters: readonly Parameter[],
  plan: Plan | undefined,
): readonly StateEntry[] => {
  const trained = parameters.filter((p) => p.trained);
  const slots = plan?.optimizer.slots ?? [];
  const split = plan !== undefined && plan.recipe.micro.value < plan.recipe.batch.value;
  return [
    ...parameters.map((p) => stateEntry(p)),
    ...trained.flatMap((p) => slots.map((suffix) => stateEntry(p, { suffix, kind: "slot" }))),
    ...(plan === undefined ? [] : maskEntries(trained, plan.densities)),
    ...(split ? trained.map((p) => stateEntry(p, { suffix: "grad", kind: "accumulator" })) : []),
  ];
};

/** Programs of one kind share theirs: those that generate, those that are parts of an update. */
const ownStateOf = (programs: readonly Built[]): readonly StateEntry[] => [
  ...new Map(programs.flatMap(({ own = [] }) => own.map((entry) => [entry.name, entry]))).values(),
];

/** A fresh graph with the model applied to what it reads, in the numbers of the recipe. */
const start = (
  model: ModelSpec,
  plan: Plan | undefined,
  options: ProgramOptions,
  binding: Binding,
  turn: Turn,
): Making => {
  const b = createBuilder();
  const params = createParameters(b);
  const stage = createStage(b, params, options.methods, {
    turn,
    ...(options.spanOf === undefined ? {} : { spanOf: options.spanOf }),
  });
  const { data, targets, forward } = readModel(stage, model, binding);
  const made = { forward, effects: stage.effects };
  return { b, params, data, targets, ...inNumbers(b, made, policyOf(plan?.recipe)) };
};

const lossOf = ({ b, forward, targets, effects }: Making): Losses =>
  b.at("loss", undefined, () => lossesOf(b, forward, targets, effects.losses));
const metricOutputs = ({ effects, forward }: Making, { each }: Losses): Graph["outputs"] =>
  [
    ...(each.length === 1
      ? []
      : each.map((node, i) => ({ name: `${partName(forward, i)}/loss`, node }))),
    ...effects.losses,
    ...effects.metrics,
  ].map(({ name, node }) => ({ name: `metrics/${name}`, node }));

/** With checkpoints, what stands between blocks. */
const keptOf = ({ recipe }: Plan, { forward }: Making): readonly Node[] =>
  recipe.checkpoint === "block" ? forward.hidden.map((h) => h.node) : [];

/** Parameters worth following, as outputs: their values before the update. */
const probeOutputs = (m: Making, methods: readonly Method[]): Graph["outputs"] =>
  methods
    .flatMap(({ probes = [] }) => probes)
    .flatMap(({ name: what, role }) =>
      m.params
        .list()
        .filter((p) => p.role === role)
        .map(({ name }) => ({ name: probeName(what, name), node: m.params.node(name) })),
    );

const needPlan = (plan: Plan | undefined, program: string): Plan => {
  if (plan === undefined) throw new InternalError(`${program} needs a recipe`);
  return plan;
};

type Maker = (model: ModelSpec, plan: Plan | undefined, options: ProgramOptions) => Built;

/** Gradients of a pass, of all weights, and what it measures if it does. */
const differentiated = (
  m: Making,
  plan: Plan,
  { objective }: Losses,
  turn: "whole" | "pass",
  probing: boolean,
): { readonly grads: readonly GradEntry[]; readonly measured: Graph["outputs"] } => {
  const { recipe } = plan;
  if (!probing) {
    const { grads } = gradients(m.b, m.params, objective, keptOf(plan, m));
    return { grads, measured: [] };
  }
  const points = pointsOf(m);
  const wanted = measures(recipe, "activation_gradient_norm") ? points.map((p) => p.node) : [];
  const { grads, atPoints } = gradients(m.b, m.params, objective, keptOf(plan, m), wanted);
  return { grads, measured: measuredStream(m, recipe, turn, points, atPoints) };
};

const wholeUpdate =
  (name: "train_step" | "probe_step"): Maker =>
  (model, given, options) => {
    const plan = needPlan(given, name);
    const probing = name === "probe_step";
    const m = start(model, plan, options, options.binding, "whole");
    const losses = lossOf(m);
    const { grads: all, measured } = differentiated(m, plan, losses, "whole", probing);
    const grads = masked(m.b, plan.densities, all);
    const applied = applyGradients(m.b, plan, options.methods, m.params, grads);
    return {
      graph: {
        name,
        inputs: [m.data, m.targets, ...applied.inputs],
        outputs: [
          { name: "loss", node: losses.loss },
          ...applied.outputs,
          ...probeOutputs(m, options.methods),
          ...metricOutputs(m, losses),
          ...measured,
          ...(probing ? measuredGradients(m, plan.recipe, grads) : []),
        ],
        updates: [...applied.updates, ...m.effects.updates, ...m.effects.tallied],
      },
      scalars: applied.scalars,
    };
  };

const onePass =
  (name: "accumulate" | "probe_accumulate"): Maker =>
  (model, given, options) => {
    const plan = needPlan(given, name);
    const { recipe } = plan;
    const m = start(model, plan, options, options.binding, "pass");
    const losses = lossOf(m);
    const share = recipe.micro.value / recipe.batch.value;
    const { grads } = differentiated(m, plan, losses, "pass", name === "probe_accumulate");
    const updates = grads.map(({ name: parameter, grad }) => {
      const state = `${parameter}/grad`;
      const held = m.b.emit("state", [], { name: state, shape: grad.type.shape });
      return { state, node: add(m.b, held, mul(m.b, grad, share)) };
    });
    return {
      graph: {
        name,
        inputs: [m.data, m.targets],
        outputs: [{ name: "loss", node: losses.loss }, ...metricOutputs(m, losses)],
        updates: [...updates, ...m.effects.updates, ...m.effects.tallied],
      },
      scalars: {},
      own: m.effects.sums,
    };
  };

const afterPasses =
  (name: "apply" | "probe_apply"): Maker =>
  (model, given, options) => {
    const plan = needPlan(given, name);
    const m = start(model, plan, options, options.binding, "end");
    const trained = m.params.list().filter((p) => p.trained);
    const sums: readonly GradEntry[] = trained.map((p) => ({
      name: p.name,
      role: p.role,
      grad: m.b.emit("state", [], { name: `${p.name}/grad`, shape: p.shape }),
    }));
    const grads = masked(m.b, plan.densities, sums);
    const applied = applyGradients(m.b, plan, options.methods, m.params, grads);
    const cleared = trained.map((p) => ({
      state: `${p.name}/grad`,
      node: m.b.emit("full", [], { dtype: "f32", shape: p.shape, value: 0 }),
    }));
    const measured =
      name === "apply"
        ? []
        : [
            ...measuredStream(m, plan.recipe, "end", pointsOf(m), []),
            ...measuredGradients(m, plan.recipe, grads),
          ];
    return {
      graph: {
        name,
        inputs: applied.inputs,
        outputs: [...applied.outputs, ...probeOutputs(m, options.methods), ...measured],
        updates: [...applied.updates, ...cleared, ...m.effects.tallied],
      },
      scalars: applied.scalars,
      own: m.effects.sums,
    };
  };

const makers: Readonly<Record<ProgramName, Maker>> = {
  train_step: wholeUpdate("train_step"),
  probe_step: wholeUpdate("probe_step"),
  accumulate: onePass("accumulate"),
  probe_accumulate: onePass("probe_accumulate"),
  apply: afterPasses("apply"),
  probe_apply: afterPasses("probe_apply"),

  eval_step: (model, plan, options) => {
    const m = start(model, plan, options, options.binding, "none");
    const found = m.b.at("loss", undefined, () =>
      evaluationOf(m.b, m.forward, m.targets, model.kind === "image"),
    );
    return plain("eval_step", [m.data, m.targets], found);
  },

  prefill: (model, plan, options) => continued("prefill", model, plan, options),
  decode_step: (model, plan, options) => continued("decode_step", model, plan, options),

  forward: (model, plan, options) => {
    const m = start(model, plan, options, options.forward ?? options.binding, "none");
    const { loss, objective } = lossOf(m);
    const { logits, trained, hidden } = m.forward;
    const grads = options.gradients === true ? gradients(m.b, m.params, objective).grads : [];
    const given = (name: string, node: Node): Graph["outputs"][number] => ({
      name,
      node: toType(m.b, node, "f32"),
    });
    return plain(
      "forward",
      [m.data, m.targets],
      [
        given("logits", logits),
        ...(trained.length === 1 ? [] : trained.map((node, i) => given(`logits.${i}`, node))),
        { name: "loss", node: loss },
        ...(objective === loss ? [] : [{ name: "objective", node: objective }]),
        ...hidden.map(({ name, node }) => given(name, node)),
        ...grads.map(({ name, grad }) => ({ name: `grad.${name}`, node: grad })),
      ],
    );
  },
};

const continued = (
  name: "prefill" | "decode_step",
  model: ModelSpec,
  plan: Plan | undefined,
  { methods, generation, spanOf }: ProgramOptions,
): Built => {
  if (model.kind !== "decoder") throw new InternalError(`${name} of a model that reads no tokens`);
  return generationProgram(name, model, {
    methods,
    policy: policyOf(plan?.recipe),
    binding: generationBinding(model, generation),
    ...(spanOf === undefined ? {} : { spanOf }),
  });
};

const plain = (
  name: ProgramName,
  inputs: Graph["inputs"],
  outputs: Graph["outputs"],
): { graph: Graph; scalars: Readonly<Record<string, ScalarExpr>> } => ({
  graph: { name, inputs, outputs, updates: [] },
  scalars: {},
});
