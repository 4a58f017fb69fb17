// What compiling takes and gives.
import type { ProgramEntry } from "../bundle/manifest.ts";
import type { Graph } from "./ir/types.ts";
import type { Compiled } from "./model/types.ts";
import type { CheckResult } from "./semantics/check.ts";
import type { ModelSpec, RecipeSpec } from "./semantics/spec.ts";

export interface Target {
  readonly entry: string;
  readonly checked: CheckResult;
  readonly model: ModelSpec;
  readonly recipe: RecipeSpec | undefined;
}
/** What programs are written for: kernel modules for TensorFlow.js, SavedModels for TensorFlow. */
export type WrittenForm = "tfjs" | "tensorflow";

export interface BuiltProgram {
  readonly graph: Graph;
  /** For TensorFlow.js, where it was asked for. */
  readonly module: string | undefined;
  readonly entry: ProgramEntry;
}
export interface Compilation extends Target {
  readonly forms: readonly WrittenForm[];
  readonly compiled: Compiled;
  readonly programs: readonly BuiltProgram[];
}
