// TensorFlow nodes: the one vocabulary that every serialised form of a program is written from (GraphModel JSON, the planned
// kernel module, a SavedModel). Nodes are in topological order; types are static.
import type { DType } from "../../bundle/manifest.ts";

/** Of a node's edges: tensors, and the handles of variables. */
export type TfType = DType | "resource";

/** The kinds of AttrValue. `function` names one of the graph's library; `string` is UTF-8, `bytes` anything. */
export type Attr =
  | { readonly type: TfType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly bytes: Uint8Array }
  | { readonly shape: readonly number[] }
  | { readonly function: string }
  | { readonly types: readonly TfType[] }
  | { readonly ints: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly shapes: readonly (readonly number[])[] }
  | { readonly functions: readonly string[] }
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
  /** Names of nodes, for their first result; "name:1" is a node's second. */
  readonly inputs: readonly string[];
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Results after the first, for the ops that have some. */
  readonly others?: readonly { readonly dtype: DType; readonly shape: readonly number[] }[];
}

export interface TfGraph {
  readonly name: string;
  readonly nodes: readonly TfNode[];
  /** Placeholders by input name and by state name; results as a node's inputs name them. */
  readonly inputs: readonly { readonly name: string; readonly node: string }[];
  readonly reads: readonly { readonly state: string; readonly node: string }[];
  readonly outputs: readonly { readonly name: string; readonly node: string }[];
  readonly updates: readonly { readonly state: string; readonly node: string }[];
}
