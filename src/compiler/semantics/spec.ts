// The Spec: what a paper's configuration table would say. Plain immutable JSON, all names resolved, `extends` flattened,
// defaults filled, units normalised. `origins` remembers where each value was written.
import type { Span } from "../diagnostics/types.ts";

export interface Quantity {
  readonly unit: string;
  /** `%` is stored as a fraction, bytes as bytes, times as seconds. */
  readonly value: number;
}
/**
 * A constructor with its keys filled: `{ is: "rope", theta: 10000 }`. Below, the comment beside one names its sum type, whose
 * constructors are in the vocabulary and in the features.
 */
export interface Variant {
  readonly is: string;
  readonly [key: string]: Value;
}
export type Value =
  | null
  | boolean
  | number
  | string
  | Quantity
  | Variant
  | { readonly from: Value; readonly to: Value }
  | readonly Value[];

/** One layer, its expressions in `l` and `L` evaluated. */
export interface BlockSpec {
  /** 1-based, as papers count. */
  readonly layer: number;
  readonly norm: Variant; // NormPlacement
  readonly attention: Variant; // Attention
  readonly ffn: Variant; // Ffn
  readonly residual: Variant; // Residual
  /** How the last linear layer of each sub-layer starts; null: as the others. */
  readonly out_init: Variant | null;
  readonly scaling: Variant | null; // Scaling
  /** Keys that features add to `blocks`. */
  readonly [key: string]: Value;
}

interface AnyModel {
  readonly name: string;
  readonly doc: string | null;
  /** Keys that features add to `model`. */
  readonly [key: string]: unknown;
}
/** What reads tokens: `input = tokens()`. */
export interface DecoderSpec extends AnyModel {
  readonly kind: "decoder";
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly context: number;
  /** How linear layers start. */
  readonly init: Variant;
  readonly embedding: Variant; // Embedding
  readonly blocks: readonly BlockSpec[];
  readonly final_norm: Variant | null;
  readonly head: Variant; // Head
}

/** One residual unit of an image model. */
export interface ImageBlockSpec {
  /** 1-based, as papers count. */
  readonly layer: number;
  /** Whether it is the first of its `blocks`. */
  readonly first: boolean;
  readonly unit: Variant; // Unit
  /** Keys that features add. */
  readonly [key: string]: Value;
}
/** What reads images: `input = image(height, width, channels)`. */
export interface ImageSpec extends AnyModel {
  readonly kind: "image";
  readonly input: Variant; // Input
  /** How kernels and linear layers start. */
  readonly init: Variant;
  readonly stem: Variant; // Stem
  readonly blocks: readonly ImageBlockSpec[];
  readonly final_norm: Variant | null; // ImageNorm, then ReLU
  readonly head: Variant; // ImageHead
}
export type ModelSpec = DecoderSpec | ImageSpec;

/** A selector after checking: which parameters it takes is decided by `matchSelector` on parameter paths. */
export type SelectorSpec =
  | { readonly kind: "path"; readonly segments: readonly SegmentSpec[] }
  | { readonly kind: "not"; readonly operand: SelectorSpec }
  | { readonly kind: "and" | "or"; readonly operands: readonly SelectorSpec[] };
export type SegmentSpec =
  | { readonly kind: "any" | "deep" }
  | {
      readonly kind: "name";
      readonly name: string;
      readonly index?: { readonly from: number; readonly to: number };
    };

export interface RuleSpec {
  readonly selector: SelectorSpec;
  /** As written, for messages. */
  readonly text: string;
  readonly value: Variant;
}

export interface RecipeSpec {
  readonly name: string;
  readonly doc: string | null;
  readonly data: Variant; // Data
  readonly optimizer: Variant; // Optimizer
  readonly schedule: Variant; // Schedule
  /** Sequences in one update, and in one pass through the model. */
  readonly batch: Quantity;
  readonly micro: Quantity;
  readonly length: Quantity; // steps, epochs or tokens
  readonly clip: Variant | null; // Clip
  readonly precision: Variant; // Precision
  /** Runs of the same step give the same bits, on every engine. */
  readonly deterministic: boolean;
  /** What the gradient computes anew instead of keeping it. */
  readonly checkpoint: string | null; // block
  readonly seed: number;
  readonly eval_every: Quantity | null;
  readonly save_every: Quantity | null;
  readonly probes: Variant | null; // Probes
  readonly sample: Variant | null; // Sample: what `train` prints at the end
  /** First match wins. */
  readonly decay: readonly RuleSpec[];
  readonly sparsity: readonly RuleSpec[];
  /** Keys that features add. */
  readonly [key: string]: unknown;
}

type Part = BlockSpec | ImageBlockSpec | RuleSpec;
/** A model, a recipe or a part of them as far as it is sound: what has a mistake is undefined, and so is what is not known yet. */
export type Known<T> = {
  readonly [K in keyof T]: K extends "kind" | "name" | "doc" | "layer"
    ? T[K]
    : T[K] extends readonly (infer P extends Part)[]
      ? readonly Known<P>[] | undefined
      : T[K] | undefined;
};
export type KnownModel = Known<DecoderSpec> | Known<ImageSpec>;

export interface Spec {
  readonly edition: number;
  readonly models: Readonly<Record<string, ModelSpec>>;
  readonly recipes: Readonly<Record<string, RecipeSpec>>;
  /** `recipe R for M`. */
  readonly recipeFor: Readonly<Record<string, string>>;
}

/** Where values come from, by path: "models.Speech.blocks.0.attention.heads". A missing path: its nearest ancestor. */
export type Origins = ReadonlyMap<string, Origin>;
export interface Origin {
  /** The value as it stands in its place. */
  readonly span: Span;
  readonly how: "written" | "default" | "inherited" | "set";
  /** The literal it comes from, where that stands elsewhere: a parameter's default, an argument, a `let`. */
  readonly from?: Span;
}
