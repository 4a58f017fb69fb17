// How vocabulary is declared: keys, constructors and sum types as tables. Checking, defaults, completion, `explain`
// and the reference pages all read these; the language core holds none of the words itself.
import type { Complaint, DiagnosticEntry } from "../diagnostics/entry.ts";
import type { OtherNames } from "./other-names.ts";
import type { BlockSpec, Known, KnownModel, RecipeSpec, Variant } from "./spec.ts";

export type Unit =
  | "step"
  | "token"
  | "sequence"
  | "sample"
  | "epoch"
  | "trial"
  | "parameter"
  | "byte"
  | "second"
  | "%";

export type Type =
  | { readonly kind: "int"; readonly min?: number; readonly max?: number }
  /** A plain number; `percent: true` also accepts `10%` (stored as 0.1). */
  | {
      readonly kind: "float";
      readonly min?: number;
      readonly max?: number;
      readonly above?: number;
      readonly below?: number;
      readonly percent?: boolean;
    }
  | { readonly kind: "bool" }
  | { readonly kind: "string" }
  /** A number with one of these units, stored as {unit, value}; `%` stores the fraction. */
  | { readonly kind: "quantity"; readonly units: readonly Unit[]; readonly min?: number }
  /** One constructor of a sum type: stored as a Variant. */
  | { readonly kind: "sum"; readonly name: string }
  /** `single: true` also takes one item without brackets, stored as a list of one. */
  | {
      readonly kind: "list";
      readonly of: Type;
      readonly length?: number;
      readonly min?: number;
      readonly single?: boolean;
    }
  /** Two ends `a .. b`. */
  | { readonly kind: "range"; readonly of: Type }
  /** Bare words: `gate: silu`. */
  | {
      readonly kind: "word";
      readonly words: readonly { readonly name: string; readonly doc: string }[];
    };

export interface Key {
  readonly name: string;
  readonly type: Type;
  readonly doc: string;
  /** Source text of the default, checked like user text ("rmsnorm()", "10%", "hidden * 4"); absent = must be given. */
  readonly default?: string;
  /**
   * A value for a model of 4 blocks of width 32, as source text: where there is no default, which fixes insert, and where the
   * default does nothing (a window of none), which relations and combinations try.
   */
  readonly example?: string;
  /** `none` is allowed, and stored as null. */
  readonly optional?: boolean;
  /** Where the definition comes from: paper and equation, or the library whose default this is. */
  readonly source?: string;
}

/** One variant of a sum type: `rope(theta: 10_000)`. Positional arguments follow the order of `keys`. */
export interface Constructor<Entry extends DiagnosticEntry = DiagnosticEntry> {
  readonly name: string;
  readonly of: string;
  readonly doc: string;
  readonly source?: string;
  readonly keys: readonly Key[];
  /**
   * Settings with which it computes what another value of the same key does, until training tells them apart: as source text
   * for the model of `Key.example`. Pages show them, and a test puts them into all combinations.
   */
  readonly neutral?: readonly { readonly with: string; readonly is: string }[];
  /** What stands for this value in one layer, for variants that only say which layers have what: mix(...) is post or pre. */
  readonly perLayer?: Layering<Entry>;
  /** A rule over the finished value alone; the message is shown at the argument named by `at`, else at the constructor. */
  readonly check?: (value: Variant) => readonly Complaint<Entry>[];
}

/** Layer `l` of `L`, counted from 1; complaints are about the value that was written. */
export type Layering<Entry extends DiagnosticEntry = DiagnosticEntry> = (
  value: Variant,
  layer: { readonly l: number; readonly L: number },
) => { readonly value: Variant; readonly complaints: readonly Complaint<Entry>[] };

export interface SumType {
  readonly name: string;
  readonly doc: string;
}

/** A block of rules `selector => value`: first match wins, each parameter belongs to one rule. */
export interface RuleBlock {
  readonly name: string;
  /** The sum type on the right of `=>`. */
  readonly of: string;
  readonly doc: string;
  /** Its entries as source text, when the block is not written. */
  readonly default: string;
  /** Another default when a key holds this variant: the first that fits. */
  readonly instead?: readonly {
    readonly key: string;
    readonly is: string;
    readonly default: string;
  }[];
  readonly source?: string;
}

/** A parameter as the rules of a recipe see it. */
export interface ParameterShape {
  /** "blocks.3.attention.q.weight" */
  readonly name: string;
  /** Of a tensor that holds it in files: [out, in], of a convolution's kernel [out, in, height, width]. */
  readonly shape: readonly number[];
  /** Such tensors: one, or as many as there are experts. */
  readonly count: number;
  readonly trained: boolean;
}

/** Everything the checker may know of; features add to the lists. */
export interface Vocabulary {
  readonly sums: readonly SumType[];
  readonly constructors: readonly Constructor[];
  /** Keys by place: "model", "blocks", "recipe". */
  readonly keys: Readonly<Record<string, readonly Key[]>>;
  readonly diagnostics: readonly DiagnosticEntry[];
  /** Blocks of rules by place: "recipe". */
  readonly rules: Readonly<Record<string, readonly RuleBlock[]>>;
  /** Words that selectors know though a model may hold no such parameter: "norm", "bias", "router". */
  readonly words: readonly string[];
  /** What other libraries call these words. */
  readonly otherNames: OtherNames;
  /** Rules over a block, as far as it is sound: combinations without a meaning. `at` is a path below the block: "scaling.gate". */
  readonly blockChecks: readonly NonNullable<VocabularyPart["checkBlock"]>[];
  /** The same over a model: `at` is a path below it: "trails.heads". */
  readonly modelChecks: readonly NonNullable<VocabularyPart["checkModel"]>[];
  /** The same over a recipe and a model that it trains: `at` is a path below the recipe: "sparsity.0.selector". */
  readonly pairChecks: readonly NonNullable<VocabularyPart["checkPair"]>[];
}

/** What a feature adds; every list is appended, keys by place. */
export interface VocabularyPart<Entry extends DiagnosticEntry = DiagnosticEntry> {
  readonly sums?: readonly SumType[];
  readonly constructors?: readonly Constructor<Entry>[];
  readonly keys?: Readonly<Record<string, readonly Key[]>>;
  readonly diagnostics?: readonly Entry[];
  /** A block that exists already gets these default rules before its own. */
  readonly rules?: Readonly<Record<string, readonly RuleBlock[]>>;
  readonly words?: readonly string[];
  readonly otherNames?: OtherNames;
  readonly checkBlock?: (
    block: Known<BlockSpec>,
    /** All blocks of the model, this one included. */
    blocks: readonly Known<BlockSpec>[],
  ) => readonly Complaint<Entry>[];
  readonly checkModel?: (model: KnownModel) => readonly Complaint<Entry>[];
  readonly checkPair?: (
    model: KnownModel,
    recipe: Known<RecipeSpec>,
    parameters: readonly ParameterShape[],
  ) => readonly Complaint<Entry>[];
}
