// A small model in numbers: its answer, what is minimised and every gradient, in float64; and the slope along a direction by
// central differences, against which gradients are checked.
import { parametersOf } from "../../src/compiler/model/parameters-of.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate, evaluateNodes, type Values } from "../../src/compiler/ir/evaluate.ts";
import { rewriteGraph, rule } from "../../src/compiler/ir/rewrite.ts";
import { count } from "../../src/compiler/ir/shape.ts";
import type { Graph, Node } from "../../src/compiler/ir/types.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import type { StateEntry } from "../../src/bundle/manifest.ts";
import type { ImageSpec, ModelSpec } from "../../src/compiler/semantics/spec.ts";
import { passOf } from "../parity/images.ts";
import { VOCABULARY } from "./models.ts";

const [B, T] = [2, 3];
const tokens: Values = {
  input_ids: Float64Array.from({ length: B * T }, (_, i) => (i * 3 + 1) % VOCABULARY),
  targets: Float64Array.from({ length: B * T }, (_, i) =>
    i === 4 ? -100 : (i * 5 + 2) % VOCABULARY,
  ),
};

/** Rows of an image model: as many as batch norm needs to tell them apart. */
const IMAGES = 3;

export interface Numbers {
  readonly graph: Graph;
  readonly inputs: Values;
  readonly parameters: readonly StateEntry[];
  /** Names of those that have a gradient. */
  readonly trained: ReadonlySet<string>;
}
const trainedOf = (model: ModelSpec): Numbers["trained"] =>
  new Set(
    parametersOf(model, features)
      .filter((p) => p.trained)
      .map(({ name }) => name),
  );

/** @param training whether batch norms normalise by the batch */
const imagesOf = (model: ImageSpec, training: boolean): Numbers => {
  const { graph, state } = passOf(model, IMAGES, training);
  const [images] = graph.inputs;
  const inputs = {
    images: draw("images", count(images!.type)),
    targets: Float64Array.from({ length: IMAGES }, (_, i) => i * 3 + 1),
  };
  return { graph, inputs, parameters: state, trained: trainedOf(model) };
};

/** The whole model, and its gradients where they are asked for; in training as it is then. */
export const numbersOf = (model: ModelSpec, gradients: boolean, training = false): Numbers => {
  if (model.kind === "image") return imagesOf(model, training);
  const { programs, state } = buildPrograms(model, undefined, {
    methods: features,
    programs: ["forward"],
    binding: { batch: B, sequence: T },
    gradients,
    totalSteps: 0,
  });
  return {
    graph: programs[0]!.graph,
    inputs: tokens,
    parameters: state.filter(({ kind }) => kind === "param"),
    trained: trainedOf(model),
  };
};

const sizeOf = ({ shape }: StateEntry): number => shape.reduce((n, d) => n * d, 1);
/** Reproducible numbers in (-1, 1), by name: a parameter has the same ones in every model. */
const draw = (name: string, count: number): Float64Array => {
  let s = [...name].reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) % 2_147_483_647, 7);
  return Float64Array.from({ length: count }, () => {
    s = (s * 48_271) % 2_147_483_647;
    return s / 2 ** 30 - 1;
  });
};
export const stateOf = (parameters: readonly StateEntry[]): Record<string, Float64Array> =>
  Object.fromEntries(
    parameters.map((p) => {
      const middle = p.name.endsWith("running_var") ? 1 : 0;
      return [p.name, draw(p.name, sizeOf(p)).map((x) => middle + 0.5 * x)];
    }),
  );
export const initialOf = (p: StateEntry): Float64Array =>
  new Float64Array(sizeOf(p)).fill(p.init.kind === "constant" ? p.init.value : 0);

export const run = (
  { graph, inputs }: Pick<Numbers, "graph" | "inputs">,
  state: Values,
): Readonly<Record<string, Float64Array>> =>
  Object.fromEntries(
    Object.entries(evaluate(graph, { inputs, state }).outputs).map(([name, { data }]) => [
      name,
      data,
    ]),
  );

/** The graph up to what is minimised. */
const objectiveOf = (graph: Graph): Graph => {
  const named = (name: string): Graph["outputs"] => graph.outputs.filter((o) => o.name === name);
  const [output] = [...named("objective"), ...named("loss")];
  return { ...graph, outputs: output === undefined ? [] : [output], updates: [] };
};

/** With what gradients stop at held at its value here: a difference must not see through it either. */
const heldAt = (
  graph: Graph,
  inputs: Values,
  state: Values,
): { readonly graph: Graph; readonly held: Values } => {
  const stops = nodesOf(graph).filter((n) => n.op === "stopGradient");
  const values = evaluateNodes(stops, { inputs, state });
  const names = new Map<string, Node>();
  let at = 0;
  const held = rewriteGraph(graph, [
    rule("hold", "a stop becomes an input", ["stopGradient"], (b, node) => {
      const stop = stops[at++]!;
      const name = `held.${at}`;
      names.set(name, stop);
      return b.emit("input", [], { name, dtype: "f32", shape: node.type.shape });
    }),
  ]);
  return {
    graph: held,
    held: Object.fromEntries([...names].map(([name, stop]) => [name, values.get(stop)!])),
  };
};

export interface Slopes {
  /** By the gradients. */
  readonly found: number;
  /** By differences of the objective. */
  readonly expected: number;
}
/** Along a random direction through all parameters that are trained. */
export const slopesOf = (
  { graph, inputs, parameters, trained: names }: Numbers,
  step: number,
): Slopes => {
  const state = stateOf(parameters);
  const outputs = run({ graph, inputs }, state);
  const trained = parameters.filter(({ name }) => names.has(name));
  const direction = new Map(trained.map((p) => [p.name, draw(`${p.name}, direction`, sizeOf(p))]));
  const found = trained.reduce((sum, p) => {
    const along = direction.get(p.name)!;
    return sum + outputs[`grad.${p.name}`]!.reduce((s, g, i) => s + g * along[i]!, 0);
  }, 0);
  const { graph: objective, held } = heldAt(objectiveOf(graph), inputs, state);
  const [ahead, behind] = [step, -step].map((by) => {
    const moved = Object.fromEntries(
      trained.map(({ name }) => [
        name,
        state[name]!.map((x, i) => x + by * direction.get(name)![i]!),
      ]),
    );
    const { outputs: at } = evaluate(objective, {
      inputs: { ...inputs, ...held },
      state: { ...state, ...moved },
    });
    return Object.values(at)[0]!.data[0]!;
  });
  return { found, expected: (ahead! - behind!) / (2 * step) };
};
