// index.d.ts of a bundle: what index.js exports, in the sizes and names of this spec. Stands alone, so that it needs no types of
// the runtime.
import { diskNames, isWeight } from "../../bundle/disk.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { decoderTypes, imageTypes, type KindTypes } from "./entry-kinds.ts";

const union = (names: readonly string[]): string =>
  names.length === 0 ? "never" : names.map((name) => JSON.stringify(name)).join("\n  | ");

const trainerTypes = (
  training: NonNullable<Manifest["training"]>,
  { batch, unit }: KindTypes,
): string => `
export interface Batch {
${batch}
}
export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly perSecond: number;
  /** Of \`perSecond\`. */
  readonly unit: ${JSON.stringify(unit)};
  readonly secondsLeft: number;
}
export interface FitOptions {
  /** Default: runs/${training.recipe} below the working directory. */
  readonly outDir?: string;
  /** Where relative paths of the data begin, seen from \`outDir\`; recorded for who opens the run later. */
  readonly dataRoot?: string;
  readonly seed?: number;
  /** Stop after this update; the schedule stays that of ${training.totalSteps} updates. */
  readonly steps?: number;
  /** A checkpoint's folder, or "latest". */
  readonly resumeFrom?: string;
  /** What to begin with instead of the seed's values: a file or folder of weights. */
  readonly weights?: string;
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: Progress) => void;
  readonly onEvaluation?: (step: number, evaluation: Evaluation) => void;
}
export interface FitResult {
  readonly status: "finished" | "interrupted";
  readonly step: number;
  readonly totalSteps: number;
  readonly seed: number;
  readonly loss: number | undefined;
  readonly evaluation: Evaluation | undefined;
  readonly checkpoint: string | undefined;
  readonly sample: string | undefined;
  readonly report: string | undefined;
  /** The rows of metrics.jsonl. */
  readonly history: readonly Readonly<Record<string, unknown>>[];
  readonly seconds: number;
}
export interface Trainer {
  /** One update by recipe ${training.recipe}. */
  step(batch: Batch): Promise<{ readonly step: number; readonly loss: number; readonly gradNorm: number }>;
  /** The whole recipe: data, steps, evaluation, checkpoints, report. */
  fit(options?: FitOptions): Promise<FitResult>;
}
`;

export const entryTypes = (manifest: Manifest): string => {
  const { model, programs, state, training, engines } = manifest;
  const parameters = state.filter(isWeight).flatMap(diskNames);
  const kind =
    model.kind === "decoder" ? decoderTypes(manifest, model) : imageTypes(manifest, model);
  return `
export type Program = ${union(programs.map((program) => program.name))};
/** Names in model.safetensors. */
export type Parameter =
  | ${union(parameters)};
export type Engine = "auto" | ${engines.map((name) => JSON.stringify(name)).join(" | ")};

export interface Tensor {
  readonly dtype: "f32" | "i32" | "bool";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}
export interface ModelOptions {
  /** A file or folder, the bytes of a safetensors file, or "initial". Default: model.safetensors beside this file; without one the model is to be trained before it answers. */
  readonly weights?: string | Uint8Array | "initial" | Readonly<Record<Parameter, Tensor>>;
  readonly engine?: Engine;
  /** Of initial values${training === null ? "" : `; ${training.seed} in the recipe`}. */
  readonly seed?: number;
  /** Where the recipe's files are looked for. Default: the working directory. */
  readonly root?: string;
  /** Where a browser finds the .wasm files of @tensorflow/tfjs-backend-wasm, with a slash at its end. */
  readonly wasmFolder?: string;
}
${kind.declarations}
export interface Evaluation {
${kind.evaluation}
  /** Further means by name: "accuracy", "disagreement", "heads/0/loss", where the model has them. */
  readonly measures: Readonly<Record<string, number>>;
}
${training === null ? "" : trainerTypes(training, kind)}
/** ${model.name}: ${kind.about}, ${model.parameters} parameters. */
export interface Model {
  readonly engine: string;
  readonly why: string;
${kind.members}
  evaluate(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<Evaluation>;
  ${training === null ? "readonly trainer: undefined;" : "trainer(): Trainer;"}
  /** ${kind.saved}. */
  save(folder: string): Promise<void>;
  load(path: string): Promise<void>;
  /** The bytes of model.safetensors. */
  saveWeights(): Promise<Uint8Array>;
  close(): Promise<void>;
}
/** specc-manifest.json, checked; specc/schemas/manifest.json says what it holds. */
export declare const readManifest: () => Promise<Readonly<Record<string, unknown>>>;
export declare const createModel: (options?: ModelOptions) => Promise<Model>;
export default createModel;
`;
};
