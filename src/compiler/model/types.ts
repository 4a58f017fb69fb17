// What the model stage gives to lowering and emission: programs over named state.
import type { StateEntry, ScalarExpr } from "../../bundle/manifest.ts";
import type { Graph } from "../ir/types.ts";

export interface Built {
  readonly graph: Graph;
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  /** State that only this kind of program knows: what generation keeps between runs. */
  readonly caches?: readonly StateEntry[];
}
export interface Compiled {
  readonly state: readonly StateEntry[];
  readonly programs: readonly Built[];
  readonly learningRate: ScalarExpr | null;
  readonly totalSteps: number;
  readonly probes: Readonly<Record<string, readonly string[]>>;
}
