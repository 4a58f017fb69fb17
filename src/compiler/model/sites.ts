// Where papers differ: the places of a decoder and of a training step that a feature may wrap, and what it may ask for
// there. Shared code runs the wrappers in order and never asks which feature is on.
import type { Init } from "../../bundle/manifest.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { BlockSpec, RecipeSpec, Variant } from "../semantics/spec.ts";

/**
 * In the order of the data, for a sub-layer F of a Pre block, h' = h + F(N(h)), or a Post block, h' = N(h + F(h)):
 * `residual.in` the stream h that reaches both operands; `norm.out` what N gives; `branch.out` what F gives;
 * `residual.skip` the operand h of the addition alone; `residual.out` the sum. Each occurs twice a block.
 */
export type Site = "residual.in" | "norm.out" | "branch.out" | "residual.skip" | "residual.out";
export type SubLayer = "attention" | "ffn";

export interface SiteContext {
  readonly b: Builder;
  readonly block: BlockSpec;
  /** Depth of the model. */
  readonly depth: number;
  readonly subLayer: SubLayer;
  /** Where the block normalises: "pre", "post". */
  readonly placement: string;
  /** A trained parameter of this block. The same name in one block is the same parameter. */
  readonly param: (request: ParamRequest) => Node;
}
export interface ParamRequest {
  /** Below the block's path: "gpas.gate". */
  readonly name: string;
  /** Below the layer's name on disk: "gpas_block.gate". */
  readonly diskName: string;
  readonly shape: readonly Dim[];
  readonly init: Init;
  /** False: kept and saved, never updated. */
  readonly trained?: boolean;
  /** Features find their parameters again by role ("gate"). */
  readonly role: string;
}

/** A parameter during a training step. */
export interface GradEntry {
  readonly name: string;
  readonly role: string;
  readonly grad: Node;
}

/** What a method adds to the compiler: wrappers at sites, and hooks of the training step. */
export interface Method {
  readonly name: string;
  /** The config of this method in a block, or undefined when the block does not use it. */
  readonly configOf: (block: BlockSpec) => Variant | undefined;
  readonly sites?: {
    readonly [S in Site]?: (x: Node, config: Variant, context: SiteContext) => Node;
  };
  /** After the global clip: gradients in, gradients out. */
  readonly clip?: (
    b: Builder,
    recipe: RecipeSpec,
    grads: readonly GradEntry[],
  ) => readonly GradEntry[];
  /** Multiplies the learning rate of a parameter of this role. */
  readonly learningRate?: (recipe: RecipeSpec, role: string) => number;
  /** Scalars worth following: a name and the role of the parameters it collects. */
  readonly probes?: readonly { readonly name: string; readonly role: string }[];
}
