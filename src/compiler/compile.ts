// The pipeline on one page: text -> AST -> Spec -> Graphs -> TensorFlow nodes -> the files of a bundle. Nothing here reads a
// file, a clock or the network: sources come through a loader, and what specc ships with each bundle comes as `Assets`.
import type { ProgramName } from "../bundle/manifest.ts";
import type { ModelFile } from "../bundle/saved-model.ts";
import { analyze, analyzePair, type CheckResult, type FileLoader } from "./analyze.ts";
import type { BuiltProgram, Compilation, Target, WrittenForm } from "./compilation.ts";
import { InternalError } from "./diagnostics/types.ts";
import { bundleFiles, type Assets, type Extras } from "./emit/bundle.ts";
import { programEntry, type Files } from "./emit/manifest.ts";
import { numericsOf } from "./emit/training.ts";
import { features } from "./features/index.ts";
import type { Graph } from "./ir/types.ts";
import { kernelModule } from "./lower/kernel-module/index.ts";
import { ownOps } from "./lower/kernel-module/own-nodes.ts";
import { savedModel } from "./lower/saved-model/index.ts";
import { number } from "./model/config.ts";
import type { GenerationBinding } from "./model/generation.ts";
import { buildPrograms } from "./model/programs.ts";
import type { Binding } from "./model/reading.ts";
import type { Compiled } from "./model/types.ts";
import { inOwnOps, inPrimitives, memoryEstimate } from "./passes/index.ts";
import { spanFinder } from "./places.ts";
import type { ModelSpec, RecipeSpec } from "./semantics/spec.ts";
import { catalogue, vocabulary } from "./words.ts";

export { analyze, analyzePair, catalogue, vocabulary };
export type { Assets, CheckResult, Compilation, Extras, FileLoader, Files, Target, WrittenForm };

export interface BuildOptions {
  /** All that can compute in the recipe's precision, unless given. */
  readonly forms?: readonly WrittenForm[];
  /** What training, evaluation and use need, unless given. */
  readonly programs?: readonly ProgramName[];
  /** Sizes of `forward`: one sequence of the model's context, unless given. */
  readonly forward?: Binding;
  /** Sequences that prefill and decode_step continue at once, and the tokens a prefill takes of each. */
  readonly generation?: Partial<GenerationBinding>;
  readonly gradients?: boolean;
  /** Updates in one pass over the data: needed when the recipe's length is in epochs, which no spec can know. */
  readonly stepsPerEpoch?: number;
}
const isSplit = (recipe: RecipeSpec): boolean => recipe.micro.value < recipe.batch.value;
export const programsFor = (
  model: ModelSpec,
  recipe: RecipeSpec | undefined,
): readonly ProgramName[] => {
  const use: readonly ProgramName[] =
    model.kind === "decoder"
      ? ["eval_step", "prefill", "decode_step", "forward"]
      : ["eval_step", "forward"];
  if (recipe === undefined) return use;
  const step: readonly ProgramName[] = isSplit(recipe) ? ["accumulate", "apply"] : ["train_step"];
  const probing: readonly ProgramName[] = isSplit(recipe)
    ? ["probe_accumulate", "probe_apply"]
    : ["probe_step"];
  return [...step, ...(recipe.probes === null ? [] : probing), ...use];
};

/** Sizes of the programs that train and evaluate, and of `forward`. */
const bindingsOf = (
  model: ModelSpec,
  recipe: RecipeSpec | undefined,
): { readonly binding: Binding; readonly forward: Binding } => {
  const batch = recipe?.micro.value ?? 1;
  if (model.kind === "image") return { binding: { batch }, forward: { batch: 1 } };
  const { context } = model;
  const sequence = recipe === undefined ? context : number(recipe.data, "sequence");
  return { binding: { batch, sequence }, forward: { batch: 1, sequence: context } };
};

/** Updates of the whole run. */
const totalStepsOf = (recipe: RecipeSpec, stepsPerEpoch: number | undefined): number => {
  const { unit, value } = recipe.length;
  if (unit === "step") return value;
  if (unit === "token")
    return Math.max(1, Math.ceil(value / (recipe.batch.value * number(recipe.data, "sequence"))));
  if (stepsPerEpoch === undefined)
    throw new InternalError("a length in epochs needs stepsPerEpoch");
  return Math.max(1, Math.round(value * stepsPerEpoch));
};

/** The Spec as graphs, before any pass. */
export const graphsOf = (target: Target, options: BuildOptions): Compiled => {
  const { model, recipe, checked } = target;
  return buildPrograms(model, recipe, {
    methods: features,
    programs: options.programs ?? programsFor(model, recipe),
    ...bindingsOf(model, recipe),
    ...(options.forward === undefined ? {} : { forward: options.forward }),
    ...(options.generation === undefined ? {} : { generation: options.generation }),
    gradients: options.gradients ?? false,
    totalSteps: recipe === undefined ? 0 : totalStepsOf(recipe, options.stepsPerEpoch),
    spanOf: spanFinder(checked.origins, model.name),
  });
};

/** The graph after each pass, in order. */
export const stagesOf = (
  graph: Graph,
): readonly { readonly name: string; readonly graph: Graph }[] => {
  const stages = [{ name: "build", graph }];
  inOwnOps(graph, ownOps, {
    after: (name, result) => void stages.push({ name, graph: result }),
  });
  return stages;
};

/** TensorFlow.js has no bf16. */
export const formsFor = (recipe: RecipeSpec | undefined): readonly WrittenForm[] =>
  numericsOf(recipe).products === "bf16" ? ["tensorflow"] : ["tfjs", "tensorflow"];

/** Spec -> Graphs -> passes -> kernel modules. */
export const compile = (target: Target, options: BuildOptions = {}): Compilation => {
  const compiled = graphsOf(target, options);
  const forms = options.forms ?? formsFor(target.recipe);
  const programs = compiled.programs.map((program): BuiltProgram => {
    // what the program means is told by its graph before expansion, where an attention is one node
    const { graph } = program;
    if (!forms.includes("tfjs")) {
      const { peakBytes, stateBytes } = memoryEstimate(inPrimitives(graph));
      return { graph, module: undefined, entry: programEntry(program, peakBytes - stateBytes) };
    }
    const { text, peakBytes } = kernelModule(stagesOf(graph).at(-1)!.graph);
    return { graph, module: text, entry: programEntry(program, peakBytes) };
  });
  return { ...target, forms, compiled, programs };
};

/** saved_model.pb of the same programs, one file of them. */
export const savedModelOf = (
  { compiled, programs, recipe }: Compilation,
  file: ModelFile,
): Uint8Array =>
  savedModel(
    {
      ...{ programs, state: compiled.state, deterministic: recipe?.deterministic },
      training:
        recipe === undefined ? null : { batch: recipe.batch.value, micro: recipe.micro.value },
    },
    file,
  );

/** The bundle: every file by path. Same compilation, same bytes. */
export const bundle = (compilation: Compilation, assets: Assets, extras: Extras = {}): Files =>
  bundleFiles(compilation, (file) => savedModelOf(compilation, file), assets, extras);
