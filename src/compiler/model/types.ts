// What the model stage gives to lowering and emission: programs over named state.
import type { StateEntry, ScalarExpr } from "../../bundle/manifest.ts";
import type { Graph } from "../ir/types.ts";

export interface Built {
  readonly graph: Graph;
  readonly scalars: Readonly<Record<string, ScalarExpr>>;
  /** State that only such programs know: what generation keeps between runs, sums over the passes of an update. */
  readonly own?: readonly StateEntry[];
}
export interface Compiled {
  readonly state: readonly StateEntry[];
  readonly programs: readonly Built[];
  readonly learningRate: ScalarExpr | null;
  readonly totalSteps: number;
  /** Of parameters that a token's pass reads a part of: which share. */
  readonly active: Readonly<Record<string, number>>;
  /** Of parameters that training keeps sparse: which share of each is there, in expectation. */
  readonly densities: Readonly<Record<string, number>>;
}
