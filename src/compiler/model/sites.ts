// Where papers differ: the kinds of layers that a feature may bring, the places of a decoder and of a training step that it
// may wrap, and what it may ask for there. Shared code runs the wrappers in order and never asks which feature is on.
import type { Init } from "../../bundle/manifest.ts";
import { InternalError, type Span } from "../diagnostics/types.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { ParameterShape } from "../semantics/schema.ts";
import type { BlockSpec, DecoderSpec, ModelSpec, RecipeSpec, Variant } from "../semantics/spec.ts";
import type { LayerName, Parameters } from "./parameters.ts";
import type { Cache } from "./cache.ts";
import type { Effects } from "./effects.ts";
import type { Tally } from "./tallies.ts";

/**
 * In the order of the data, for a sub-layer F with h' = N₃(h + N₂(F(N₁(h)))), where a placement has only some of the norms:
 * `residual.in` the stream h that reaches both operands; `norm.out` what each norm gives; `branch.out` what F gives;
 * `residual.skip` the operand h of the addition alone; `residual.out` the sum. Of parallel sub-layers the first and the last
 * two occur once a block, else each occurs for both.
 */
export type Site = "residual.in" | "norm.out" | "branch.out" | "residual.skip" | "residual.out";
export type SubLayer = "attention" | "ffn";

/** What the builders of a model share: the graph under construction, its parameters and the methods that are on. */
export interface Stage {
  readonly b: Builder;
  readonly params: Parameters;
  readonly methods: readonly Method[];
  /** What a constructor's name builds, the methods' own included. */
  readonly kinds: Kinds;
  /** The line a path of the spec was written on: "blocks.3.attention". */
  readonly spanOf: (path: string) => Span | undefined;
  /** What layers say beside their result; programs that do not train ignore it. */
  readonly effects: Effects;
  /** Adds to a sum over all passes of an update, and gives the sum so far. */
  readonly tally: (tally: Tally) => Node;
  /** Whether the program trains: statistics are then of the batch, and running ones move. */
  readonly training: boolean;
  /** In programs that go on from earlier runs; elsewhere sequences begin at position 0. */
  readonly cache: Cache | undefined;
}

/** One block under construction. */
export interface Cell extends Stage {
  readonly model: DecoderSpec;
  readonly block: BlockSpec;
  /** From 0, as paths and checkpoints count. */
  readonly index: number;
  /** Where the spec says what it is, for `spanOf`: "blocks.3". */
  readonly place: string;
  /** Of the block and of its parameters: "blocks.3", or "heads.1.blocks.3" in one of several branches. */
  readonly path: string;
  /** "model.layers.3" */
  readonly disk: string;
  /** How the linear layer `part` of a sub-layer starts ("o", "down"): a variant of Init. */
  readonly startOf: (sub: SubLayer, part: string) => Variant;
  /** A parameter of this block. The same name in one block is the same parameter. */
  readonly param: (request: ParamRequest) => Node;
}
export interface ParamRequest {
  /** Below the block's path: "gpas.gate". */
  readonly name: string;
  /** Below the layer's name on disk: "gpas_block.gate". */
  readonly diskName: string;
  readonly shape: readonly Dim[];
  readonly init: Init;
  /** Lies on disk as the transpose. */
  readonly transposed?: boolean;
  /** False: kept and saved, never updated by the optimizer. */
  readonly trained?: boolean;
  /** Policies and features find parameters again by role ("norm", "bias", "gate"). */
  readonly role: string;
}

/** A block at one of its sites. */
export interface SiteContext extends Cell {
  /** "block": where both sub-layers meet in one addition. */
  readonly subLayer: SubLayer | "block";
  readonly placement: Placement;
}

/** A sub-layer: x [B, T, D] -> [B, T, D]; `spec` is its constructor. */
export type Layer = (cell: Cell, spec: Variant, x: Node) => Node;
export interface LayerKind {
  readonly build: Layer;
  /** Whether the result stands in place of the stream; otherwise, and where nothing is said, it is added to it. */
  readonly replacesStream?: (spec: Variant) => boolean;
}
/** x [..., D] -> [..., D] with parameters below `name`. `gain` is where the gain starts. */
export type NormKind = (
  stage: Stage,
  spec: Variant,
  x: Node,
  name: LayerName,
  gain: number,
) => Node;

/** Norms around a sub-layer, by their names below the block and below the layer on disk: h' = after(h + inside(F(before(h)))). */
export interface NormNames {
  readonly before?: LayerName;
  readonly inside?: LayerName;
  readonly after?: LayerName;
}
/**
 * Where a block normalises: h' = after(α·h + inside(F(before(h)))) for the attention, then for the feed-forward layer. In
 * parallel both read one `before`, the attention's, and meet in one addition.
 */
export interface Placement {
  readonly norms: Readonly<Record<SubLayer, NormNames>>;
  readonly parallel?: boolean;
  /** α: multiplies the shortcut. */
  readonly shortcut?: (spec: Variant, block: BlockSpec) => number;
  /** Multiplies what each norm gives. */
  readonly factor?: (spec: Variant, block: BlockSpec) => number;
  /** Where the gains of its norms start, if not at 1. */
  readonly gain?: (spec: Variant, block: BlockSpec) => number;
}

/**
 * The parts of a whole model, for a body to put together. `branch` is what stands before the names of parameters and nodes:
 * "" for the model itself, "heads.1." for a copy with parameters of its own. The same branch gives the same parameters again.
 */
export interface BodyParts {
  readonly b: Builder;
  /** Blocks of the model. */
  readonly depth: number;
  /** What stands before the first block: [B, T, D], or [B, H, W, C] of images. */
  readonly stem: (branch: string) => Node;
  /** Blocks `from` … `to` - 1. After the last, only the positions that the program asks for go on. */
  readonly blocks: (x: Node, from: number, to: number, branch: string) => Node;
  readonly finalNorm: (x: Node, branch: string) => Node;
  /** Logits [B, T, V], or [B, C] of images. */
  readonly head: (x: Node, branch: string) => Node;
}
export interface Answer {
  /** What the model says. */
  readonly logits: Node;
  /** What is trained, each by a loss of its own: the logits, or those of several heads. */
  readonly trained: readonly Node[];
  /** How these losses become one. */
  readonly loss: "sum" | "mean";
  /** Of several: what they are called ("heads"), and how the logits come from them, in words. */
  readonly parts?: { readonly word: string; readonly combined: string };
}
export type Body = (parts: BodyParts) => Answer;

/** What of a sub-layer's result [B, T, D] joins the stream; parameters below `name`. */
export type Residual = (stage: Stage, spec: Variant, branch: Node, name: LayerName) => Node;
/** A residual unit of an image model: x [B, H, W, C] -> [B, H', W', C'] with parameters below `name`. */
export type UnitKind = (
  stage: Stage,
  spec: Variant,
  x: Node,
  place: {
    /** "blocks.3" or "heads.1.blocks.3". */
    readonly path: string;
    /** Whether it is the first of its group. */
    readonly first: boolean;
    readonly init: Variant;
  },
) => Node;

/** Builders by constructor name, one table for each sum type whose variants build something. */
export interface Kinds {
  readonly attention: Readonly<Record<string, LayerKind>>;
  readonly ffn: Readonly<Record<string, LayerKind>>;
  readonly norm: Readonly<Record<string, NormKind>>;
  readonly unit: Readonly<Record<string, UnitKind>>;
  readonly placement: Readonly<Record<string, Placement>>;
  readonly residual: Readonly<Record<string, Residual>>;
}

/** The builder of a variant of one family. */
export const kindOf = <T>(family: Readonly<Record<string, T>>, { is }: Variant): T => {
  const kind = family[is];
  if (kind === undefined) throw new InternalError(`nothing builds ${is}`);
  return kind;
};

/** A form of a recipe's `sparsity`. */
export interface SparsityKind {
  /** Which share of each of the weights that one rule takes is there: above 0, 1 for all of it. */
  readonly densities: (spec: Variant, weights: readonly ParameterShape[]) => readonly number[];
}

/** A parameter during a training step. */
export interface GradEntry {
  readonly name: string;
  readonly role: string;
  readonly grad: Node;
}

/** What a method adds to the compiler: kinds of layers, wrappers at sites, and hooks of the training step. */
export interface Method {
  readonly name: string;
  /** What its constructors build. */
  readonly kinds?: Partial<Kinds>;
  /** How the whole model is put together, when this model's own way is not stem, blocks, norm and head in a row. */
  readonly bodyOf?: (model: ModelSpec) => Body | undefined;
  /** Once all blocks are built: from what its layers noted. */
  readonly finish?: (stage: Stage, model: DecoderSpec) => void;
  /** The config that its sites act by, or undefined when the block does not use the method. */
  readonly configOf?: (block: BlockSpec) => Variant | undefined;
  /** Which of its sites acts under this config: for pictures. */
  readonly siteOf?: (config: Variant, placement: Placement) => Site;
  readonly sites?: {
    readonly [S in Site]?: (x: Node, config: Variant, context: SiteContext) => Node;
  };
  /** How the linear layer `part` of a block's sub-layer starts, where the method has a say: a variant of Init. */
  readonly startOf?: (block: BlockSpec, sub: SubLayer, part: string) => Variant | undefined;
  /** What its forms of `sparsity` say, by their names. */
  readonly sparsity?: Readonly<Record<string, SparsityKind>>;
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
