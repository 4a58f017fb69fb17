// A feature is one paper in one folder: its words for the language, its complaints, and what it does to the model and to
// the training step.
import type { Method } from "../model/sites.ts";
import type { Constructor, DiagnosticEntry, Key, SumType } from "../semantics/schema.ts";
import type { BlockSpec } from "../semantics/spec.ts";

export interface Feature extends Method {
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly vocabulary: {
    readonly sums?: readonly SumType[];
    readonly constructors?: readonly Constructor[];
    readonly keys?: Readonly<Record<string, readonly Key[]>>;
    readonly diagnostics?: readonly DiagnosticEntry[];
    /** Paths that a block's use of the feature adds, below the block: "gpas.gate". For selectors. */
    readonly parameters?: (block: BlockSpec) => readonly string[];
  };
}
