// index.d.ts of a bundle: what index.js exports, in the sizes and names of this spec. Stands alone, so that it needs no types of
// the runtime.
import { diskNames } from "../../bundle/disk.ts";
import type { Manifest } from "../../bundle/manifest.ts";

const union = (names: readonly string[]): string =>
  names.length === 0 ? "never" : names.map((name) => JSON.stringify(name)).join("\n  | ");

const trainerTypes = (training: NonNullable<Manifest["training"]>): string => `
export interface Batch {
  /** ${training.batch} rows of ${training.data.sequence} token ids. */
  readonly input_ids: readonly (readonly number[])[];
  /** Already shifted by one; -100 does not count. */
  readonly targets: readonly (readonly number[])[];
}
export interface Progress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly tokensPerSecond: number;
  readonly secondsLeft: number;
}
export interface FitOptions {
  /** Default: runs/${training.recipe} below the working directory. */
  readonly outDir?: string;
  readonly seed?: number;
  /** Stop after this update; the schedule stays that of ${training.totalSteps} updates. */
  readonly steps?: number;
  /** A checkpoint's folder, or "latest". */
  readonly resumeFrom?: string;
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: Progress) => void;
  readonly onEvaluation?: (step: number, evaluation: Evaluation) => void;
}
export interface FitResult {
  readonly status: "finished" | "interrupted";
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number | undefined;
  readonly evaluation: Evaluation | undefined;
  readonly checkpoint: string | undefined;
  readonly sample: string | undefined;
  readonly report: string | undefined;
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
  const rows = programs.find(({ name }) => name === "decode_step")?.inputs[0]?.shape[0] ?? 1;
  const parameters = state.filter((entry) => entry.kind === "param").flatMap(diskNames);
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
export interface Logits extends Tensor {
  /** [rows, positions, vocabulary] */
  readonly shape: readonly [number, number, ${model.vocabSize}];
  readonly data: Float32Array;
}
export interface ModelOptions {
  /** A file or folder, the bytes of a safetensors file, or "initial". Default: model.safetensors beside this file, else initial values. */
  readonly weights?: string | Uint8Array | "initial" | Readonly<Record<Parameter, Tensor>>;
  readonly engine?: Engine;
  /** Of initial values${training === null ? "" : `; ${training.seed} in the recipe`}. */
  readonly seed?: number;
  /** Where the recipe's files are looked for. Default: the working directory. */
  readonly root?: string;
  /** Where a browser finds the .wasm files of @tensorflow/tfjs-backend-wasm, with a slash at its end. */
  readonly wasmFolder?: string;
}
export interface GenerateOptions {
  /** How many to make. Default 128. */
  readonly tokens?: number;
  /** 0 takes the likeliest token. Default 1. */
  readonly temperature?: number;
  /** Draw from so many of the likeliest tokens; null or absent: from all. */
  readonly topK?: number | null;
  /** Draw from the fewest tokens whose probabilities reach this sum. Default 1. */
  readonly topP?: number;
  /** Above 1: tokens that occurred already become less likely. Default 1. */
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  /** Ends a text where one of these begins. */
  readonly stop?: readonly string[];
  /** Prompts are whole, as chatPrompt makes them: the tokenizer puts nothing before them. */
  readonly rendered?: boolean;
  /** Each new part of a text, and the index of its prompt. */
  readonly onText?: (text: string, prompt: number) => void;
  readonly signal?: AbortSignal;
}
export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  readonly [key: string]: unknown;
}
export interface Completion {
  readonly prompt: string;
  /** Without the prompt. */
  readonly text: string;
  readonly ids: readonly number[];
  readonly ended: "length" | "stop" | "interrupted";
}
export interface Evaluation {
  /** Nats a token. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;
}
${training === null ? "" : trainerTypes(training)}
/** ${model.name}: ${model.layers} layers, width ${model.hiddenSize}, vocabulary ${model.vocabSize}, ${model.parameters} parameters. */
export interface Model {
  readonly engine: string;
  readonly why: string;
  /** One row of at most ${model.context} ids below ${model.vocabSize}, or rows of one length. */
  forward(ids: readonly number[] | readonly (readonly number[])[]): Promise<{ readonly logits: Logits }>;
  /** The new text, without the prompt. */
  generate(prompt: string, options?: GenerateOptions): Promise<string>;
  /** The new text of each prompt, ${rows === 1 ? "one after the other" : `${rows} of them at once`}. */
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<readonly string[]>;
  /** The same, with tokens and the reason of each end. */
  complete(prompts: readonly string[], options?: GenerateOptions): Promise<readonly Completion[]>;
  /** Messages as one prompt, by chat_template.jinja or tokenizer_config.json beside this file. */
  chatPrompt(
    messages: readonly ChatMessage[],
    options?: { readonly addGenerationPrompt?: boolean; readonly tools?: readonly unknown[] },
  ): Promise<string>;
  evaluate(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<Evaluation>;
  ${training === null ? "readonly trainer: undefined;" : "trainer(): Trainer;"}
  /** model.safetensors, config.json and tokenizer.json. */
  save(folder: string): Promise<void>;
  load(path: string): Promise<void>;
  /** The bytes of model.safetensors. */
  saveWeights(): Promise<Uint8Array>;
  close(): Promise<void>;
}
export declare const createModel: (options?: ModelOptions) => Promise<Model>;
export default createModel;
`;
};
