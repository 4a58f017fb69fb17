// TensorFlow nodes: the one vocabulary that every serialised form of a program is written from (GraphModel JSON, the planned
// kernel module, a SavedModel). Nodes are in topological order; inputs are node names; types are static.
import type { DType } from "../../bundle/manifest.ts";

export type Attr =
  | { readonly type: DType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly shape: readonly number[] }
  | {
      readonly tensor: {
        readonly dtype: DType;
        readonly shape: readonly number[];
        readonly values: readonly number[];
      };
    };

export interface TfNode {
  /** Unique; starts with the model path: "blocks.3/ffn/gate/MatMul_2". */
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface TfGraph {
  readonly name: string;
  readonly nodes: readonly TfNode[];
  /** Placeholders by input name and by state name. */
  readonly inputs: readonly { readonly name: string; readonly node: string }[];
  readonly reads: readonly { readonly state: string; readonly node: string }[];
  readonly outputs: readonly { readonly name: string; readonly node: string }[];
  readonly updates: readonly { readonly state: string; readonly node: string }[];
}
