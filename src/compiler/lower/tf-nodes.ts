// TensorFlow nodes: the one vocabulary that every serialised form of a program is written from (GraphModel JSON, the planned
// kernel module, a SavedModel). Nodes are in topological order; types are static.
import { InternalError } from "../diagnostics/types.ts";
import type { DType } from "../../bundle/manifest.ts";
import type { TfOp } from "./tf-ops.ts";

/** Of tensors inside a program; its edges are never bf16. */
export type TensorDType = DType | "bf16";
/** Of a node's edges: tensors, the sampler's numbers, and the handles of variables. */
export type TfType = TensorDType | "f64" | "resource";

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
        readonly dtype: TensorDType;
        readonly shape: readonly number[];
        readonly values: readonly number[];
      };
    };

export interface TfNode<D extends TensorDType = TensorDType> {
  /** Unique; starts with the model path: "blocks.3/ffn/gate/MatMul_2". */
  readonly name: string;
  readonly op: TfOp;
  /** Names of nodes, for their first result; "name:1" is a node's second. */
  readonly inputs: readonly string[];
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Results after the first, for the ops that have some. */
  readonly others?: readonly { readonly dtype: TensorDType; readonly shape: readonly number[] }[];
}

export interface TfGraph<D extends TensorDType = TensorDType> {
  readonly name: string;
  readonly nodes: readonly TfNode<D>[];
  /** Placeholders by input name and by state name; results as a node's inputs name them. */
  readonly inputs: readonly { readonly name: string; readonly node: string }[];
  readonly reads: readonly { readonly state: string; readonly node: string }[];
  readonly outputs: readonly { readonly name: string; readonly node: string }[];
  readonly updates: readonly { readonly state: string; readonly node: string }[];
}

/** Without bf16: what forms for engines of f32 are made from. */
export type PlainNode = TfNode<DType>;
export type PlainGraph = TfGraph<DType>;

const isPlain = (node: TfNode): node is PlainNode => node.dtype !== "bf16";
/** @param form that has no bf16, for the message */
export const plainGraph = (graph: TfGraph, form: string): PlainGraph => {
  const other = graph.nodes.find((node) => !isPlain(node));
  if (other !== undefined) throw new InternalError(`${form} has no bf16 ("${other.name}")`);
  return { ...graph, nodes: graph.nodes.filter(isPlain) };
};
