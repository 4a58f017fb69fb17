// The contract between compiler and runtime: what a bundle holds. Imports nothing. The published JSON Schema is
// schemas/manifest.schema.json.

export type DType = "f32" | "i32" | "bool";
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Values that depend on the step alone, computed by the host in float64 (learning rate, bias corrections). */
export type ScalarExpr =
  | number
  | { readonly op: "step" } // 1-based number of the update
  | { readonly op: "cos"; readonly x: ScalarExpr }
  | {
      readonly op: "add" | "sub" | "mul" | "div" | "pow" | "min";
      readonly x: ScalarExpr;
      readonly y: ScalarExpr;
    }
  /** x < y ? then : else */
  | {
      readonly op: "less";
      readonly x: ScalarExpr;
      readonly y: ScalarExpr;
      readonly then: ScalarExpr;
      readonly else: ScalarExpr;
    };

/** `zeroRow`: this row starts at zero (a padding row). */
export type Init =
  | { readonly kind: "normal"; readonly std: number; readonly zeroRow?: number }
  /** Between -bound and bound. */
  | { readonly kind: "uniform"; readonly bound: number; readonly zeroRow?: number }
  | { readonly kind: "constant"; readonly value: number }
  /** Of truth values: each is true with this probability. */
  | { readonly kind: "bernoulli"; readonly density: number };

interface NamedState {
  /** The language's path: "blocks.3.attention.q.weight"; slots: "<parameter>/exp_avg". */
  readonly name: string;
  /**
   * Name in model.safetensors (params, Hugging Face style) or optimizer.safetensors ("<disk name of the parameter>/exp_avg").
   * With `{}` in it the state lies there as so many tensors as its first axis has places, `{}` being the place.
   */
  readonly diskName: string;
  /** As the engine holds it. */
  readonly shape: readonly number[];
  /**
   * Lies on disk as [out, in], and is held as [in, out]: the last two axes; of a convolution's kernel all four, [out, in, h, w]
   * on disk and held as [h, w, in, out].
   */
  readonly transposed: boolean;
  readonly init: Init;
}
/**
 * "param": trained; "buffer": measured, kept with the parameters (running statistics); "slot": the optimizer's; "mask": of the
 * parameter before its "/mask", which is zero where this is false while it trains, saved with the slots; "accumulator": gradients
 * of the micro-batches of one step (zero between steps, not saved).
 */
export interface HostState extends NamedState {
  readonly kind: "param" | "buffer" | "slot" | "mask" | "accumulator";
  readonly dtype: DType;
}
/** What generation keeps of the tokens before: zero at open, never saved or seen by the host, in the numbers of the programs. */
export interface CacheState extends NamedState {
  readonly kind: "cache";
  readonly dtype: "f32" | "bf16";
}
/** A named tensor that lives across runs. */
export type StateEntry = HostState | CacheState;

/** What programs compute in, which an engine must be able to. State but caches, and results are f32 either way. */
export interface Numerics {
  /** Of what matrix products are; their sums are f32. */
  readonly products: "f32" | "bf16";
  /** Cards may round what products of f32 read. */
  readonly tf32: boolean;
  /** Cards use only kernels that repeat their bits. */
  readonly deterministic: boolean;
}

export interface ProgramEntry {
  readonly name: string;
  readonly inputs: readonly TensorSpec[];
  /** Scalar f32 inputs that the host computes from the step. */
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  readonly outputs: readonly TensorSpec[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly peakBytes: number;
  readonly flops: number;
}

export type TokenizerSpec =
  | { readonly kind: "bytes" }
  | { readonly kind: "bpe"; readonly file: string; readonly size: number };
export interface TextData {
  readonly kind: "text";
  /** Globs relative to the project root, or to the package's folder. */
  readonly files: readonly string[];
  readonly package: string | null;
  readonly tokenizer: TokenizerSpec;
  readonly sequence: number;
  readonly pack: boolean;
  /** Fractions: train, validation. */
  readonly split: readonly [number, number];
}
/** Folders are relative to the project root, or to the package's folder. */
export type ImageSource =
  | { readonly kind: "mnist"; readonly folder: string; readonly package: string | null }
  | { readonly kind: "cifar10"; readonly folder: string; readonly package: string | null }
  | {
      readonly kind: "cifar100";
      readonly folder: string;
      readonly package: string | null;
      readonly labels: "fine" | "coarse";
    }
  | {
      readonly kind: "shapes";
      readonly train: number;
      readonly test: number;
      readonly size: number;
      readonly seed: number;
    };
export interface ImageData {
  readonly kind: "images";
  readonly source: ImageSource;
  readonly augment: readonly (
    { readonly kind: "crop"; readonly padding: number } | { readonly kind: "flip" }
  )[];
}
export type DataSpec = TextData | ImageData;

export interface TrainingSpec {
  readonly recipe: string;
  readonly data: DataSpec;
  /** Sequences, or images, an update and a pass. `train_step` exists when they are equal; otherwise `accumulate` (batch/micro times) then `apply`. */
  readonly batch: number;
  readonly micro: number;
  readonly length: { readonly unit: "step" | "epoch" | "token"; readonly value: number };
  /** Of the whole run; schedules are made for it. Whoever compiles a length in epochs has counted the data. */
  readonly totalSteps: number;
  readonly seed: number;
  readonly evalEvery: number | null;
  readonly saveEvery: number | null;
  /** Updates that measure, beside the first: they run `probe_step`, or `probe_accumulate` and `probe_apply`. */
  readonly probeEvery: number | null;
  readonly sample: {
    readonly prompt: string;
    readonly tokens: number;
    readonly temperature: number;
    readonly topK: number | null;
  } | null;
  readonly learningRate: ScalarExpr;
}

interface ModelInfo {
  readonly name: string;
  /** Blocks. */
  readonly layers: number;
  readonly parameters: number;
  /** config.json, written beside weights. */
  readonly config: Readonly<Record<string, unknown>>;
}
export interface DecoderInfo extends ModelInfo {
  readonly kind: "decoder";
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly context: number;
  readonly flopsPerToken: number;
}
export interface ImageModelInfo extends ModelInfo {
  readonly kind: "image";
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  readonly flopsPerImage: number;
}

/** Kernels for cards in place of what a compiler would make: cuDNN's attention, products by the matrix of each row's expert. */
export const CARD_KERNELS = ["cudnn-attention", "grouped-products"] as const;
export type CardKernel = (typeof CARD_KERNELS)[number];

export interface Manifest {
  readonly formatVersion: 1;
  readonly generator: { readonly name: "specc"; readonly version: string };
  readonly specHash: string;
  readonly model: DecoderInfo | ImageModelInfo;
  readonly training: TrainingSpec | null;
  readonly numerics: Numerics;
  readonly state: readonly StateEntry[];
  readonly programs: readonly ProgramEntry[];
  /** Model path -> "file.arch:line", for errors at run time. */
  readonly places: Readonly<Record<string, string>>;
  readonly engines: readonly string[];
  /** Where there are any, the SavedModel has its programs once more with these, for cards. */
  readonly cardKernels: readonly CardKernel[];
  /** Why some attention of bf16 has no kernel of cuDNN. */
  readonly refusedKernels: readonly string[];
  readonly files: readonly {
    readonly path: string;
    readonly sha256: string;
    readonly bytes: number;
  }[];
}

/**
 * Programs and their conventions (all ids i32, B = micro or 1, T = sequence or context). `data`, `targets`: input_ids [B,T] and
 * targets [B,T] of a decoder (already shifted; -100 ignored); images f32 [B,H,W,C] and targets [B] of an image model.
 * - train_step: data, targets, scalars learning_rate, bias1, bias2 (as the optimizer needs) -> loss [], grad_norm [], and what is
 *   followed as "probes/<what>/<place>" and "metrics/<place>.<what>"; updates params, slots and buffers.
 * - accumulate: data, targets -> loss []; adds gradients / (batch/micro) into accumulators.
 * - apply: scalars -> grad_norm [], what is followed; clips, updates, zeroes the accumulators.
 * - probe_step, probe_accumulate, probe_apply: train_step, accumulate and apply of the updates that measure, where the recipe has
 *   probes: the same updates, and what is measured as more outputs, "probes/<measure>/<place>".
 * - eval_step: data, targets -> loss_sum [] (sum of nats), count [] (targets counted), further sums over targets as
 *   "sums/<name>" [], and, of image models, of each target "each/confidence" and "each/correct" [B].
 * - prefill: input_ids [R,P], positions [R], lengths [R] -> logits [R,V] of each row's last token. Row r holds positions[r]
 *   tokens and takes lengths[r] <= P more; the rest of its ids is padding. Updates caches.
 * - decode_step: input_ids [R], positions [R] -> logits [R,V]: one token more for each row. Updates caches.
 * - forward (on demand): data, targets -> logits [B,T,V] or [B,classes], loss [], hidden.0 (what the stem gives) .. hidden.L
 *   (output of block l), and grad.<param> when gradients are asked for. With several heads also logits.<head>, their
 *   states as "heads.1.hidden.4", and, where it is not the loss, the objective [] that gradients are of.
 */
export type ProgramName =
  | "train_step"
  | "accumulate"
  | "apply"
  | "probe_step"
  | "probe_accumulate"
  | "probe_apply"
  | "eval_step"
  | "prefill"
  | "decode_step"
  | "forward";
