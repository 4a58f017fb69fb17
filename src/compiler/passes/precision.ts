// Which numbers a program computes in. The model is written in f32; this pass rebuilds its forward part with products in
// bf16 and everything that bf16 has too few digits for in f32, and differentiation follows the casts back. It is what
// PyTorch's autocast does (its lists of ops, docs/amp), seen once over the whole graph, with one difference: the residual
// stream is bf16 too, as in the training code of JAX models (MaxText) and in Megatron-LM's default, since reading and writing
// it is what a step spends its bandwidth on. Parameters, optimizer state and the edges of a program stay f32;
// caches hold what was computed.
import { reemit } from "../ir/builder.ts";
import { isFloat, toType } from "../ir/ops/row.ts";
import type { Builder, DType, Node, OpName } from "../ir/types.ts";
import { reachable } from "../ir/walk.ts";

export interface PrecisionPolicy {
  /** What products compute in. */
  readonly products: "bf16";
  /** What embedded tokens are, and with them all that is added to the stream. */
  readonly stream: "f32" | "bf16";
  /** Parts of paths below which products stay f32: routers, whose choices a rounding would flip. */
  readonly exact: ReadonlySet<string>;
}

/**
 * - leaf: as it is.
 * - product: its floats are rounded to bf16; sums are f32, the result is rounded.
 * - full: its floats are f32, and so is the result: sums, exponentials, roots.
 * - own: takes what comes; its row says that it computes in f32 (norms, rope, losses).
 * - follow: bf16 where all that depends on the data is bf16. Numbers and parameters follow the data.
 * - look-up: rows of a parameter become the stream's type.
 * - keep: the state is held in the type of what is written to it, which so comes back as it was.
 */
type Rule = "leaf" | "product" | "full" | "own" | "follow" | "look-up" | "keep";

const rules: Readonly<Record<OpName, Rule>> = {
  input: "leaf", state: "leaf", constant: "leaf", full: "leaf", iota: "leaf",
  matMul: "product", attention: "product", attentionStats: "product", attentionGrad: "product", groupedMatMul: "product", groupedOuter: "product",
  conv2d: "product", conv2dInputGrad: "product", conv2dKernelGrad: "product", batchNorm: "full", maxPool: "follow",
  gather: "look-up", scatterAdd: "full", topK: "own", cumSum: "full", oneHot: "leaf",
  rmsNorm: "own", layerNorm: "own", rope: "own", crossEntropy: "own", crossEntropyGrad: "own", logSumExp: "own",
  softmax: "full", reduceSum: "full", reduceMean: "full", reduceMax: "full",
  exp: "full", log: "full", pow: "full", sqrt: "full", rsqrt: "full", erf: "full", writeRows: "keep",
  add: "follow", sub: "follow", mul: "follow", div: "follow", maximum: "follow", minimum: "follow", neg: "follow", abs: "follow", square: "follow",
  sigmoid: "follow", silu: "follow", gelu: "follow", tanh: "follow", relu: "follow", leakyRelu: "follow",
  cos: "full", sin: "full", stopGradient: "follow", barrier: "own",
  equal: "follow", less: "follow", lessEqual: "follow", greater: "follow", greaterEqual: "follow",
  and: "follow", not: "follow", isFinite: "own", select: "follow", cast: "own",
  reshape: "follow", transpose: "follow", broadcastTo: "follow", slice: "follow", concat: "follow", pad: "follow",
}; // prettier-ignore

/** A state of the type, or its present value as one. */
const heldAs = (b: Builder, x: Node, dtype: DType): Node =>
  x.op === "state" && dtype === "bf16"
    ? b.like(x, () => b.emit("state", [], { ...x.attrs, dtype }))
    : toType(b, x, dtype);

/** Rebuilds what the roots need; the map leads from each node to its form in the policy's numbers. */
export const inPrecision = (
  b: Builder,
  roots: readonly Node[],
  policy: PrecisionPolicy,
): ReadonlyMap<Node, Node> => {
  const done = new Map<Node, Node>();
  /** Known without the data: numbers, parameters, and what is made of them alone. */
  const known = new Set<Node>();
  const convert = (inputs: readonly Node[], dtype: "f32" | "bf16"): readonly Node[] =>
    inputs.map((x) => (isFloat(x.type.dtype) ? toType(b, x, dtype) : x));
  /** f32 where some operand made of data is, or where none is; else bf16. */
  const common = (node: Node, inputs: readonly Node[]): "f32" | "bf16" => {
    const data = inputs.filter((x, i) => isFloat(x.type.dtype) && !known.has(node.inputs[i]!));
    return data.length > 0 && data.every((x) => x.type.dtype === "bf16") ? "bf16" : "f32";
  };
  const rebuilt = (node: Node, inputs: readonly Node[]): Node => {
    switch (rules[node.op]) {
      case "leaf":
      case "own":
        return reemit(b, node, inputs);
      case "full":
        return reemit(b, node, convert(inputs, "f32"));
      case "product": {
        const exact = node.path.split("/").some((part) => policy.exact.has(part));
        return reemit(b, node, convert(inputs, exact ? "f32" : policy.products));
      }
      case "follow":
        return reemit(b, node, convert(inputs, common(node, inputs)));
      case "look-up": {
        const rows = reemit(b, node, inputs);
        return known.has(node.inputs[0]!) ? toType(b, rows, policy.stream) : rows;
      }
      case "keep": {
        const [held, rows, ...rest] = inputs as readonly [Node, Node, ...Node[]];
        return reemit(b, node, [heldAs(b, held, rows.type.dtype), rows, ...rest]);
      }
    }
  };
  for (const node of reachable(roots)) {
    if (node.op === "input") done.set(node, node);
    else {
      if (node.inputs.every((x) => known.has(x))) known.add(node);
      const inputs = node.inputs.map((x) => done.get(x)!);
      done.set(
        node,
        b.like(node, () => rebuilt(node, inputs)),
      );
    }
  }
  return done;
};
