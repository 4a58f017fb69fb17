// Algebra as a table of rules. Runs after differentiation, because it drops stopGradient.
// Rules may change the last bits of a float, never its meaning: x · 0 stays, since it is NaN for an infinite x.
import { evaluateNodes } from "../ir/evaluate.ts";
import { isFloat } from "../ir/ops/row.ts";
import { rewriteGraph, rule, type Rule } from "../ir/rewrite.ts";
import { count, sameSizes } from "../ir/shape.ts";
import type { Builder, Node, Pass } from "../ir/types.ts";

const none = {} as const;
/** The value of a node that is one known number everywhere. */
const valueOf = (x: Node): number | undefined => (x.op === "full" ? x.attrs.value : undefined);
const sameShape = (x: Node, y: Node): boolean => sameSizes(x.type.shape, y.type.shape);
/** x, where it already has the result's shape: broadcasting may have made that larger. */
const whole = (x: Node, node: Node): Node | undefined => (sameShape(x, node) ? x : undefined);
const isIdentity = (perm: readonly number[]): boolean => perm.every((from, to) => from === to);

const algebra: readonly Rule[] = [
  rule("add-zero", "x + 0 = x", ["add"], (_b, node) => {
    const [x, y] = node.inputs;
    return valueOf(y) === 0 ? whole(x, node) : valueOf(x) === 0 ? whole(y, node) : undefined;
  }),
  rule("sub-zero", "x - 0 = x", ["sub"], (_b, node) =>
    valueOf(node.inputs[1]) === 0 ? whole(node.inputs[0], node) : undefined,
  ),
  rule("mul-one", "x · 1 = x", ["mul"], (_b, node) => {
    const [x, y] = node.inputs;
    return valueOf(y) === 1 ? whole(x, node) : valueOf(x) === 1 ? whole(y, node) : undefined;
  }),
  rule("div-one", "x / 1 = x", ["div"], (_b, node) =>
    valueOf(node.inputs[1]) === 1 ? whole(node.inputs[0], node) : undefined,
  ),
  rule("neg-neg", "-(-x) = x", ["neg"], (_b, { inputs: [x] }) =>
    x.op === "neg" ? x.inputs[0] : undefined,
  ),
  rule("neg-sub", "-(x - y) = y - x", ["neg"], (b, { inputs: [d] }) =>
    d.op === "sub" ? b.emit("sub", [d.inputs[1], d.inputs[0]], none) : undefined,
  ),
  rule("add-neg", "x + (-y) = x - y", ["add"], (b, { inputs: [x, y] }) =>
    y.op === "neg"
      ? b.emit("sub", [x, y.inputs[0]], none)
      : x.op === "neg"
        ? b.emit("sub", [y, x.inputs[0]], none)
        : undefined,
  ),
  rule("sub-neg", "x - (-y) = x + y", ["sub"], (b, { inputs: [x, y] }) =>
    y.op === "neg" ? b.emit("add", [x, y.inputs[0]], none) : undefined,
  ),
  rule("mul-self", "x · x = square x", ["mul"], (b, { inputs: [x, y] }) =>
    x === y && isFloat(x.type.dtype) ? b.emit("square", [x], none) : undefined,
  ),
  rule(
    "mul-scalars",
    "(x · p) · q = x · pq, for scalars p and q",
    ["mul"],
    (b, { inputs: [x, y] }) => {
      const outer = scalarFactor(x, y);
      if (outer?.rest.op !== "mul") return undefined;
      const inner = scalarFactor(...outer.rest.inputs);
      const product = outer.value * (inner?.value ?? NaN);
      // Within f32's normal range, so that joining two factors neither overflows nor loses digits.
      if (inner === undefined || !(Math.abs(product) > 1e-30 && Math.abs(product) < 1e30))
        return undefined;
      return b.emit(
        "mul",
        [inner.rest, b.emit("full", [], { dtype: "f32", shape: [], value: product })],
        none,
      );
    },
  ),
  rule(
    "sum-neg",
    "sum(-x) = -sum(x) and sum(-x · y) = -sum(x · y): the sign of the smaller",
    ["reduceSum"],
    (b, { inputs: [x], attrs, type }) => {
      const positive = x.op === "neg" ? x.inputs[0] : x.op === "mul" ? unsigned(b, x) : undefined;
      if (positive === undefined || count(type) >= count(x.type)) return undefined;
      return b.emit("neg", [b.emit("reduceSum", [positive], attrs)], none);
    },
  ),
  rule("not-not", "not (not x) = x", ["not"], (_b, { inputs: [x] }) =>
    x.op === "not" ? x.inputs[0] : undefined,
  ),
  rule("select-known", "a known condition chooses its side", ["select"], (_b, node) => {
    const condition = valueOf(node.inputs[0]);
    return condition === undefined ? undefined : whole(node.inputs[condition !== 0 ? 1 : 2], node);
  }),
  rule(
    "drop-stop-gradient",
    "gradients have been taken",
    ["stopGradient"],
    (_b, { inputs: [x] }) => x,
  ),
];

/** A product whose first negated factor has lost its sign. */
const unsigned = (b: Builder, { inputs: [x, y] }: Node<"mul">): Node | undefined =>
  x.op === "neg"
    ? b.emit("mul", [x.inputs[0], y], none)
    : y.op === "neg"
      ? b.emit("mul", [x, y.inputs[0]], none)
      : undefined;

/** The f32 scalar of a product and its other factor. */
const scalarFactor = (
  x: Node,
  y: Node,
): { readonly value: number; readonly rest: Node } | undefined => {
  const isScalar = (n: Node): n is Node<"full"> =>
    n.op === "full" && n.attrs.shape.length === 0 && n.attrs.dtype === "f32";
  return isScalar(y)
    ? { value: y.attrs.value, rest: x }
    : isScalar(x)
      ? { value: x.attrs.value, rest: y }
      : undefined;
};

/** Both as one slice, where they are of one value and y begins along the axis where x ends. */
const following = (b: Builder, x: Node | undefined, y: Node, axis: number): Node | undefined => {
  if (x?.op !== "slice" || y.op !== "slice" || x.inputs[0] !== y.inputs[0]) return undefined;
  const [from, to] = [x.attrs, y.attrs];
  const end = from.begin[axis]! + from.size[axis]!;
  const isNext = to.begin.every((at, i) => at === (i === axis ? end : from.begin[i]));
  const isLike = to.size.every((size, i) => i === axis || size === from.size[i]);
  if (!isNext || !isLike) return undefined;
  const size = from.size.map((own, i) => (i === axis ? own + to.size[axis]! : own));
  return b.emit("slice", [x.inputs[0]], { begin: from.begin, size });
};

const shapes: readonly Rule[] = [
  rule("reshape-same", "a reshape to the same sizes only renames", ["reshape"], (_b, node) =>
    whole(node.inputs[0], node),
  ),
  rule("reshape-reshape", "the last reshape decides", ["reshape"], (b, { inputs: [x], attrs }) =>
    x.op === "reshape" ? b.emit("reshape", [x.inputs[0]], attrs) : undefined,
  ),
  rule(
    "transpose-same",
    "a transpose that moves nothing",
    ["transpose"],
    (_b, { inputs: [x], attrs }) => (isIdentity(attrs.perm) ? x : undefined),
  ),
  rule(
    "transpose-transpose",
    "two transposes are one",
    ["transpose"],
    (b, { inputs: [x], attrs }) =>
      x.op === "transpose"
        ? b.emit("transpose", [x.inputs[0]], { perm: attrs.perm.map((p) => x.attrs.perm[p]!) })
        : undefined,
  ),
  rule("broadcast-same", "a broadcast to the same sizes", ["broadcastTo"], (_b, node) =>
    whole(node.inputs[0], node),
  ),
  rule(
    "broadcast-broadcast",
    "the last broadcast decides",
    ["broadcastTo"],
    (b, { inputs: [x], attrs }) =>
      x.op === "broadcastTo" ? b.emit("broadcastTo", [x.inputs[0]], attrs) : undefined,
  ),
  rule("cast-same", "a cast to the same dtype", ["cast"], (_b, { inputs: [x], attrs }) =>
    x.type.dtype === attrs.dtype ? x : undefined,
  ),
  rule(
    "cast-back",
    "bf16 made f32 and bf16 again is what it was",
    ["cast"],
    (_b, { inputs: [x], attrs }) =>
      attrs.dtype === "bf16" &&
      x.type.dtype === "f32" &&
      x.op === "cast" &&
      x.inputs[0].type.dtype === "bf16"
        ? x.inputs[0]
        : undefined,
  ),
  rule("slice-all", "a slice of everything", ["slice"], (_b, node) => whole(node.inputs[0], node)),
  rule("slice-slice", "a slice of a slice begins later", ["slice"], (b, { inputs: [x], attrs }) =>
    x.op === "slice"
      ? b.emit("slice", [x.inputs[0]], {
          begin: attrs.begin.map((at, i) => at + x.attrs.begin[i]!),
          size: attrs.size,
        })
      : undefined,
  ),
  rule(
    "slice-of-concat",
    "a slice that is one of the concatenated parts",
    ["slice"],
    (_b, node) => {
      const {
        inputs: [whole],
        attrs: { begin, size },
      } = node;
      if (whole.op !== "concat") return undefined;
      let at = 0;
      for (const part of whole.inputs) {
        const start = at;
        at += part.type.shape[whole.attrs.axis]!.size;
        if (
          begin.every((v, i) => v === (i === whole.attrs.axis ? start : 0)) &&
          size.every((s, i) => s === part.type.shape[i]!.size)
        )
          return part;
      }
      return undefined;
    },
  ),
  rule(
    "concat-of-slices",
    "slices that follow each other are one slice",
    ["concat"],
    (b, { inputs, attrs: { axis } }) => {
      const joined: Node[] = [];
      for (const part of inputs) {
        const one = following(b, joined.at(-1), part, axis);
        if (one === undefined) joined.push(part);
        else joined.splice(-1, 1, one);
      }
      return joined.length < inputs.length ? b.emit("concat", joined, { axis }) : undefined;
    },
  ),
  rule("concat-one", "one part alone", ["concat"], (_b, { inputs }) =>
    inputs.length === 1 ? inputs[0] : undefined,
  ),
  rule("pad-none", "no zeros to add", ["pad"], (_b, node) => whole(node.inputs[0], node)),
  rule(
    "reduce-ones",
    "a reduction over axes of size 1 is a reshape",
    ["reduceSum", "reduceMean", "reduceMax"],
    (b, { inputs: [x], attrs, type }) =>
      attrs.axes.every((a) => x.type.shape[a]?.size === 1)
        ? b.emit("reshape", [x], { shape: type.shape })
        : undefined,
  ),
  rule(
    "matmul-transpose",
    "a transposed operand becomes a flag",
    ["matMul"],
    (b, { inputs: [x, y], attrs }) => {
      const [plainX, plainY] = [untransposed(x), untransposed(y)];
      if (plainX === undefined && plainY === undefined) return undefined;
      return b.emit("matMul", [plainX ?? x, plainY ?? y], {
        ...attrs,
        transposeX: attrs.transposeX !== (plainX !== undefined),
        transposeY: attrs.transposeY !== (plainY !== undefined),
      });
    },
  ),
];

/** What stands under a transpose of the last two axes. */
const untransposed = (x: Node): Node | undefined => {
  if (x.op !== "transpose") return undefined;
  const { perm } = x.attrs;
  const [rows, columns] = [perm.length - 2, perm.length - 1];
  return perm.every((from, to) => from === (to === rows ? columns : to === columns ? rows : to))
    ? x.inputs[0]
    : undefined;
};

const binaries = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "pow",
  "equal",
  "less",
  "lessEqual",
  "greater",
  "greaterEqual",
  "and",
] as const;

const constants: readonly Rule[] = [
  rule(
    "layout-of-full",
    "one value everywhere, moved about",
    ["reshape", "transpose", "broadcastTo", "slice"],
    (b, { inputs: [x], type }) =>
      x.op === "full"
        ? b.emit("full", [], { dtype: x.attrs.dtype, shape: type.shape, value: x.attrs.value })
        : undefined,
  ),
  rule("implicit-broadcast", "elementwise ops broadcast by themselves", binaries, (b, node) => {
    const [x, y] = node.inputs;
    const [smallX, smallY] = [narrowed(b, x), narrowed(b, y)];
    // The other operand must span the result, so that its shape stays.
    if (smallY !== undefined && sameShape(x, node)) return b.emit(node.op, [x, smallY], none);
    if (smallX !== undefined && sameShape(y, node)) return b.emit(node.op, [smallX, y], none);
    return undefined;
  }),
  rule(
    "fold",
    "an op on known values is known",
    [
      ...binaries,
      "neg",
      "exp",
      "log",
      "sqrt",
      "rsqrt",
      "square",
      "abs",
      "sigmoid",
      "silu",
      "tanh",
      "cos",
      "sin",
      "not",
      "cast",
    ],
    (b, node) => folded(b, node),
  ),
];

/** The smaller form of an operand that was broadcast by hand. */
const narrowed = (b: Builder, x: Node): Node | undefined => {
  if (x.op === "broadcastTo") return x.inputs[0];
  if (x.op === "full" && x.attrs.shape.length > 0)
    return b.emit("full", [], { ...x.attrs, shape: [] });
  return undefined;
};

/** Larger results would weigh down the bundle more than they save the engine. */
const mostFolded = 64;
/** The known result; odd numbers (inf, NaN, -0, an i32 that overflows or has a fraction) are left to the engine. */
const folded = (b: Builder, node: Node): Node | undefined => {
  if (!node.inputs.every((x) => x.op === "full" || x.op === "constant")) return undefined;
  if (count(node.type) > mostFolded || count(node.type) === 0) return undefined;
  const values = [...(evaluateNodes([node], { inputs: {}, state: {} }).get(node) ?? [])];
  const { dtype, shape } = node.type;
  const fits = dtype === "i32" ? (v: number) => v === (v | 0) : (v: number) => Math.abs(v) < 3.4e38;
  if (!values.every((v) => fits(v) && !Object.is(v, -0))) return undefined;
  return values.every((v) => v === values[0])
    ? b.emit("full", [], { dtype, shape, value: values[0]! })
    : b.emit("constant", [], { dtype, shape, values });
};

export const simplifyRules: readonly Rule[] = [...algebra, ...shapes, ...constants];

export const simplify: Pass = {
  name: "simplify",
  doc: "algebra, needless layout ops, known values; drops stopGradient, so gradients must have been taken",
  run: (graph) => rewriteGraph(graph, simplifyRules),
};
