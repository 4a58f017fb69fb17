// The graph: immutable nodes in static single assignment form, made only by the Builder. One op table is total over
// `OpSigs`. Every node knows the model path it belongs to and the `.arch` span it came from.
import type { Span } from "../diagnostics/types.ts";

export interface Dim {
  /** For people; kernels see sizes. "" where there is nothing to say. */
  readonly name: string;
  readonly size: number;
}
/** bf16 lives inside programs only: their inputs and results are f32, i32 and bool, and so is state, but for caches. */
export type DType = "f32" | "bf16" | "i32" | "bool";
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

type None = Readonly<Record<string, never>>;
interface Unary {
  inputs: [x: Node];
  attrs: None;
}
interface Binary {
  inputs: [x: Node, y: Node];
  attrs: None;
}

/** Op names, arities and attributes. Elementwise ops broadcast as NumPy does. */
export interface OpSigs {
  // leaves
  input: {
    inputs: [];
    attrs: { readonly name: string; readonly dtype: DType; readonly shape: readonly Dim[] };
  };
  state: {
    inputs: [];
    attrs: {
      readonly name: string;
      readonly shape: readonly Dim[];
      /** Without: f32. */
      readonly dtype?: "bf16" | "bool";
    };
  };
  constant: {
    inputs: [];
    attrs: {
      readonly dtype: DType;
      readonly shape: readonly Dim[];
      readonly values: readonly number[];
    };
  };
  full: {
    inputs: [];
    attrs: { readonly dtype: DType; readonly shape: readonly Dim[]; readonly value: number };
  };
  iota: {
    inputs: [];
    attrs: { readonly dtype: DType; readonly shape: readonly Dim[]; readonly axis: number };
  };
  // elementwise
  add: Binary;
  sub: Binary;
  mul: Binary;
  div: Binary;
  maximum: Binary;
  minimum: Binary;
  pow: Binary;
  neg: Unary;
  exp: Unary;
  log: Unary;
  sqrt: Unary;
  rsqrt: Unary;
  square: Unary;
  abs: Unary;
  sigmoid: Unary;
  silu: Unary;
  tanh: Unary;
  erf: Unary;
  relu: Unary;
  leakyRelu: { inputs: [x: Node]; attrs: { readonly slope: number } };
  gelu: { inputs: [x: Node]; attrs: { readonly approximate: "none" | "tanh" } };
  cos: Unary;
  sin: Unary;
  stopGradient: Unary;
  /** Operand `of`, not before all of them. */
  barrier: { inputs: Node[]; attrs: { readonly of: number } };
  equal: Binary;
  less: Binary;
  lessEqual: Binary;
  greater: Binary;
  greaterEqual: Binary;
  and: Binary;
  not: Unary;
  isFinite: Unary;
  select: { inputs: [condition: Node, x: Node, y: Node]; attrs: None };
  cast: { inputs: [x: Node]; attrs: { readonly dtype: DType } };
  // layout
  reshape: { inputs: [x: Node]; attrs: { readonly shape: readonly Dim[] } };
  transpose: { inputs: [x: Node]; attrs: { readonly perm: readonly number[] } };
  broadcastTo: { inputs: [x: Node]; attrs: { readonly shape: readonly Dim[] } };
  slice: {
    inputs: [x: Node];
    attrs: { readonly begin: readonly number[]; readonly size: readonly number[] };
  };
  concat: { inputs: Node[]; attrs: { readonly axis: number } };
  pad: {
    inputs: [x: Node];
    attrs: { readonly before: readonly number[]; readonly after: readonly number[] };
  }; // zeros
  // reductions
  reduceSum: {
    inputs: [x: Node];
    attrs: { readonly axes: readonly number[]; readonly keepDims: boolean };
  };
  reduceMean: {
    inputs: [x: Node];
    attrs: { readonly axes: readonly number[]; readonly keepDims: boolean };
  };
  reduceMax: {
    inputs: [x: Node];
    attrs: { readonly axes: readonly number[]; readonly keepDims: boolean };
  };
  // products and look-ups
  /** [..., M, K] x [..., K, N]; equal leading axes, or a plain 2-D `y` shared by all of them. */
  matMul: {
    inputs: [x: Node, y: Node];
    attrs: {
      readonly transposeX: boolean;
      readonly transposeY: boolean;
      /** Of bf16 operands: the sums as they are, not rounded. */
      readonly out?: "f32";
    };
  };
  /** table [V, D], ids i32 [...] -> [..., D]. */
  gather: { inputs: [table: Node, ids: Node]; attrs: None };
  /** rows [..., D] added into zeros [size, D] at ids [...]: the gradient of gather. */
  scatterAdd: { inputs: [ids: Node, rows: Node]; attrs: { readonly size: Dim } };
  /** ids i32 [...] -> f32 [..., depth]; an id outside is a row of zeros. */
  oneHot: { inputs: [ids: Node]; attrs: { readonly depth: Dim } };
  /** x [..., n] -> i32 [..., k]: where the k largest of each row stand, largest first, of equals the first. */
  topK: { inputs: [x: Node]; attrs: { readonly k: Dim } };
  /** Sums of what stands up to each place along an axis; `exclusive`: without the place itself, `reverse`: from the end. */
  cumSum: {
    inputs: [x: Node];
    attrs: { readonly axis: number; readonly exclusive: boolean; readonly reverse: boolean };
  };
  // composites: each expands into the ops above
  batchNorm: { inputs: [x: Node, gain: Node, bias: Node]; attrs: { readonly eps: number } };
  maxPool: {
    inputs: [x: Node];
    attrs: { readonly window: number; readonly stride: number; readonly pad: number };
  };
  /** x [B, H, W, C], kernel [h, w, C, O]; whole windows only. */
  conv2d: { inputs: [x: Node, kernel: Node]; attrs: { readonly stride: number } };
  /** `size`: of the images, [H, W]. */
  conv2dInputGrad: {
    inputs: [dy: Node, kernel: Node];
    attrs: { readonly stride: number; readonly size: readonly [number, number] };
  };
  /** `size`: of the window, [h, w]. */
  conv2dKernelGrad: {
    inputs: [x: Node, dy: Node];
    attrs: { readonly stride: number; readonly size: readonly [number, number] };
  };
  /** x [...G, K] or [...G without its last axis, K], w [E, K, N], groups i32 [...G] -> [...G, N]: each row by the matrix of its group. What follows says where the rows of a group are, for kernels: `ir/ops/tiles.ts`. */
  groupedMatMul: {
    inputs: [x: Node, w: Node, groups: Node, ...plan: Node[]];
    attrs: { readonly transposeW: boolean };
  };
  /** x [...G, M], y [...G, N], either without the last axis of G, groups i32 [...G] -> [size, M, N]: Σ x ⊗ y over the rows of each group. */
  groupedOuter: {
    inputs: [x: Node, y: Node, groups: Node, ...plan: Node[]];
    attrs: { readonly size: Dim };
  };
  softmax: Unary; // last axis
  logSumExp: Unary; // last axis, dropped
  rmsNorm: { inputs: [x: Node, gain: Node]; attrs: { readonly eps: number } };
  layerNorm: { inputs: [x: Node, gain: Node, bias: Node]; attrs: { readonly eps: number } };
  /** x [..., T, d], cos and sin [T, d] or [..., T, d]: x * cos + rotateHalf(x) * sin, the half-split layout of LLaMA. */
  rope: { inputs: [x: Node, cos: Node, sin: Node]; attrs: None };
  /** q [B, H, T, d], k [B, K, S, d], v [B, K, S, e], H a multiple of K -> [B, H, T, e]; then what `operands` names. */
  attention: {
    inputs: [q: Node, k: Node, v: Node, ...operands: Node[]];
    attrs: AttentionAttrs;
  };
  /** Of the same operands: log-sum-exp of each query's scores, f32 [B, H, T]. */
  attentionStats: {
    inputs: [q: Node, k: Node, v: Node, ...operands: Node[]];
    attrs: AttentionAttrs;
  };
  /** The gradient at q, k or v. */
  attentionGrad: {
    inputs: [q: Node, k: Node, v: Node, out: Node, stats: Node, dy: Node, ...operands: Node[]];
    attrs: AttentionAttrs & { readonly of: "q" | "k" | "v" };
  };
  /** x [B, ..., C, d] with rows [B, ..., P, d] at positions start[b], start[b] + 1, ...; start i32 [B]. */
  writeRows: { inputs: [x: Node, rows: Node, start: Node]; attrs: None };
  /** logits [N, V], targets i32 [N] -> f32 [N]: -log softmax at the target, 0 where the target is `ignore`. */
  crossEntropy: { inputs: [logits: Node, targets: Node]; attrs: { readonly ignore: number } };
  /** The gradient at the logits, given that at the losses. */
  crossEntropyGrad: {
    inputs: [logits: Node, targets: Node, dy: Node];
    attrs: { readonly ignore: number };
  };
}

/** What a query sees and how scores are made. A new choice is an optional attribute, and an operand if it holds values. */
export interface AttentionAttrs {
  readonly scale: number;
  /** A query sees the keys up to its own position. Queries without `positions` are the last T of the S tokens. */
  readonly causal: boolean;
  /** Of those, at most so many: its own and the ones right before it. */
  readonly window?: number;
  /** Scores are cap · tanh(score / cap). */
  readonly softcap?: number;
  /** Then a score falls by slope · (position of the query - that of the key); one slope a head. */
  readonly slopes?: readonly number[];
  /**
   * What the operands after q, k and v are. `positions` i32 [B, T]: the position of each query among the keys;
   * `keyLengths` i32 [B]: keys from there on are padding.
   */
  readonly operands?: readonly ("positions" | "keyLengths")[];
}

export type OpName = keyof OpSigs;
export type Node<N extends OpName = OpName> = {
  readonly [K in N]: {
    readonly op: K;
    readonly inputs: Readonly<OpSigs[K]["inputs"]>;
    readonly attrs: Readonly<OpSigs[K]["attrs"]>;
    readonly type: TensorType;
    /** Where in the model: "blocks.3/ffn/gate"; "" outside of it. */
    readonly path: string;
    readonly origin: Span | undefined;
    /** Creation order within its builder: inputs always have smaller ids. */
    readonly id: number;
  };
}[N];

type Each<In extends readonly Node[], T> = { readonly [I in keyof In]: T };
export type PerInput<N extends OpName, T> = Each<OpSigs[N]["inputs"], T>;

/** Makes nodes: infers the type at once (a fault throws InternalError with op, shapes and path) and shares equal pure nodes. */
export interface Builder {
  emit<N extends OpName>(
    op: N,
    inputs: Readonly<OpSigs[N]["inputs"]>,
    attrs: OpSigs[N]["attrs"],
  ): Node<N>;
  /** Nodes made inside carry this path (joined with "/") and span. */
  at<T>(path: string, origin: Span | undefined, make: () => T): T;
  /** Nodes made inside carry the path and span of this one: for rewrites and gradients. */
  like<T>(node: Node, make: () => T): T;
}

export interface OpRow<N extends OpName> {
  /** Formula, shapes, numerics, source. */
  readonly doc: string;
  readonly kind: "leaf" | "primitive" | "composite";
  readonly infer: (
    inputs: PerInput<N, TensorType>,
    attrs: OpSigs[N]["attrs"],
  ) => TensorType | { readonly fault: string };
  /** Gradients for each input, null where none flows; "zero": the op stops gradients; "expand": through `expand`. */
  readonly grad:
    ((b: Builder, node: Node<N>, dy: Node) => PerInput<N, Node | null>) | "zero" | "expand";
  /** Into simpler ops. */
  readonly expand?: (b: Builder, node: Node<N>) => Node;
  /**
   * Plain float64 loops: the oracle, of composites too, apart from their expansion. Booleans and integers are held as numbers.
   * Inputs and states, which are given, have none.
   */
  readonly evaluate?: (inputs: PerInput<N, Float64Array>, node: Node<N>) => Float64Array;
  readonly cost: (node: Node<N>) => { readonly flops: number; readonly bytes: number };
  /** Of a composite: its expansion and gradient take bf16 operands themselves; otherwise they see f32, rounded at the end. */
  readonly ownPrecision?: true;
  /** Has so many operands or more, and not just those of its samples; the shape rule counts them. */
  readonly atLeast?: number;
  /** Types as text, "f32[b=2,d=3]"; `kind` narrows the values drawn ("positive", "ids<5", "apart" = away from kinks). */
  readonly samples: readonly {
    readonly inputs: readonly string[];
    readonly attrs: OpSigs[N]["attrs"];
    readonly values?: readonly string[];
  }[];
}
export type OpTable = { readonly [N in OpName]: OpRow<N> };

/** A program: inputs, named results, and state written back. Reading state is the op `state`. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Node<"input">[];
  readonly outputs: readonly { readonly name: string; readonly node: Node }[];
  /** After the run, state `state` holds `node`; reads inside the graph see the old value. */
  readonly updates: readonly { readonly state: string; readonly node: Node }[];
}
export interface Pass {
  readonly name: string;
  readonly doc: string;
  readonly run: (graph: Graph) => Graph;
}
