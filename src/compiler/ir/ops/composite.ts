// Composites: ops with a meaning of their own that expand into simpler ones. Their gradients are closed forms written so
// that value numbering shares what the forward pass already computes.
// Legend: B batch, H heads, K key-value heads, G = H/K, T positions, d head width, N rows, V vocabulary.
import { broadcast, count, sameSizes, showType, sizes, tensor } from "../shape.ts";
import type { Builder, Dim, Node, OpTable, TensorType } from "../types.ts";
import { elementCost, fault, floatOnly, none, scalar, sumTo, type Fault } from "./row.ts";

const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], none);
const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const sigmoid = (b: Builder, x: Node): Node => b.emit("sigmoid", [x], none);
const lastAxis = (x: Node): number => x.type.shape.length - 1;
const over = (b: Builder, op: "reduceSum" | "reduceMean" | "reduceMax", x: Node): Node =>
  b.emit(op, [x], { axes: [lastAxis(x)], keepDims: true });

const needsRow = ([x]: readonly [TensorType]): TensorType | Fault =>
  x.dtype === "f32" && x.shape.length > 0
    ? x
    : fault(`needs f32 of rank 1 or more, got ${showType(x)}`);
const unarySamples = [
  { inputs: ["f32[b=2,d=3]"], attrs: none },
  { inputs: ["f32[b=2,t=3,d=4]"], attrs: none },
];

/** 1 / √(mean(x²) + eps), [..., 1]. */
const inverseRms = (b: Builder, x: Node, eps: number): Node =>
  b.emit(
    "rsqrt",
    [add(b, over(b, "reduceMean", b.emit("square", [x], none)), scalar(b, eps))],
    none,
  );
/** The gradient of x ↦ x · inverseRms(x), given the scale, the normalised rows and the gradient g at them. */
const normGrad = (b: Builder, scale: Node, xhat: Node, g: Node): Node =>
  mul(b, scale, sub(b, g, mul(b, xhat, over(b, "reduceMean", mul(b, g, xhat)))));

/** [a, b] halves of the last axis -> [-b, a]. */
const rotateHalf = (b: Builder, x: Node): Node => {
  const shape = sizes(x.type);
  const half = shape[shape.length - 1]! / 2;
  const size = [...shape.slice(0, -1), half];
  const zero = shape.map(() => 0);
  const first = b.emit("slice", [x], { begin: zero, size });
  const second = b.emit("slice", [x], { begin: [...zero.slice(1), half], size });
  return b.emit("concat", [b.emit("neg", [second], none), first], { axis: shape.length - 1 });
};

/** q grouped by key-value head: [B, H, T, d] -> [B, K, G·T, d]; head h belongs to key-value head floor(h / G). */
const grouped = (b: Builder, x: Node, kv: Dim): Node => {
  const [batch, heads, seq, d] = x.type.shape as readonly [Dim, Dim, Dim, Dim];
  return kv.size === heads.size
    ? x
    : b.emit("reshape", [x], {
        shape: [batch, kv, { name: "", size: (heads.size / kv.size) * seq.size }, d],
      });
};
/** softmax(q kᵀ · scale + mask): [B, K, G·T, T]. */
const probabilities = (b: Builder, node: Node<"attention">): Node => {
  const [q, k] = node.inputs;
  const [batch, heads, seq] = q.type.shape as readonly [Dim, Dim, Dim, Dim];
  const kv = k.type.shape[1]!;
  const keys: Dim = { name: "keys", size: k.type.shape[2]!.size };
  const scaled = mul(b, grouped(b, q, kv), scalar(b, node.attrs.scale));
  const raw = b.emit("matMul", [scaled, k], { transposeX: false, transposeY: true });
  if (!node.attrs.causal) return b.emit("softmax", [raw], none);
  const scores = b.emit("reshape", [raw], { shape: [batch, heads, seq, keys] });
  const at = (axis: number): Node => b.emit("iota", [], { dtype: "i32", shape: [seq, keys], axis });
  const seen = b.emit("greaterEqual", [at(0), at(1)], none);
  const masked = b.emit("select", [seen, scores, scalar(b, -1e9)], none);
  return b.emit("reshape", [b.emit("softmax", [masked], none)], { shape: raw.type.shape });
};

/** (targets ≠ ignore) as f32 [N]. */
const counted = (b: Builder, node: Node<"crossEntropy">): Node => {
  const ignore = b.emit("full", [], { dtype: "i32", shape: [], value: node.attrs.ignore });
  return b.emit("cast", [b.emit("not", [b.emit("equal", [node.inputs[1], ignore], none)], none)], {
    dtype: "f32",
  });
};
const column = (b: Builder, x: Node): Node =>
  b.emit("reshape", [x], { shape: [...x.type.shape, { name: "", size: 1 }] });

type Composite = Pick<
  OpTable,
  | "silu"
  | "gelu"
  | "softmax"
  | "logSumExp"
  | "rmsNorm"
  | "layerNorm"
  | "rope"
  | "attention"
  | "crossEntropy"
>;

export const composites: Composite = {
  silu: {
    doc: "x · sigmoid(x)",
    kind: "composite",
    infer: floatOnly,
    expand: (b, node) => mul(b, node.inputs[0], sigmoid(b, node.inputs[0])),
    grad: (b, node, dy) => {
      const s = sigmoid(b, node.inputs[0]);
      return [mul(b, dy, add(b, s, mul(b, node, sub(b, scalar(b, 1), s))))];
    },
    cost: elementCost(5),
    samples: [...unarySamples, { inputs: ["f32[]"], attrs: none }],
  },
  gelu: {
    doc: "x · Φ(x), Φ the normal distribution function; `tanh`: x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), arXiv 1606.08415",
    kind: "composite",
    infer: floatOnly,
    expand: (b, node) => {
      const x = node.inputs[0];
      const inner =
        node.attrs.approximate === "none"
          ? b.emit("erf", [mul(b, x, scalar(b, Math.SQRT1_2))], none)
          : b.emit(
              "tanh",
              [
                mul(
                  b,
                  mul(
                    b,
                    x,
                    add(b, scalar(b, 1), mul(b, b.emit("square", [x], none), scalar(b, 0.044715))),
                  ),
                  scalar(b, Math.sqrt(2 / Math.PI)),
                ),
              ],
              none,
            );
      return mul(b, mul(b, x, scalar(b, 0.5)), add(b, inner, scalar(b, 1)));
    },
    grad: "expand",
    cost: elementCost(10),
    samples: [
      { inputs: ["f32[b=2,d=3]"], attrs: { approximate: "none" } },
      { inputs: ["f32[b=2,d=3]"], attrs: { approximate: "tanh" } },
    ],
  },
  softmax: {
    doc: "e^(x - max) / Σ e^(x - max) over the last axis",
    kind: "composite",
    infer: needsRow,
    expand: (b, node) => {
      const e = b.emit("exp", [sub(b, node.inputs[0], over(b, "reduceMax", node.inputs[0]))], none);
      return b.emit("div", [e, over(b, "reduceSum", e)], none);
    },
    grad: (b, node, dy) => [mul(b, node, sub(b, dy, over(b, "reduceSum", mul(b, dy, node))))],
    cost: elementCost(5),
    samples: unarySamples,
  },
  logSumExp: {
    doc: "log Σ e^x over the last axis, which is dropped; safe for large x",
    kind: "composite",
    infer: ([x]) =>
      x.shape.length > 0 && x.dtype === "f32"
        ? tensor("f32", x.shape.slice(0, -1))
        : fault(`got ${showType(x)}`),
    expand: (b, node) => {
      const x = node.inputs[0];
      const top = over(b, "reduceMax", x);
      const sum = over(b, "reduceSum", b.emit("exp", [sub(b, x, top)], none));
      return b.emit("reshape", [add(b, top, b.emit("log", [sum], none))], {
        shape: node.type.shape,
      });
    },
    grad: (b, node, dy) => [mul(b, b.emit("softmax", [node.inputs[0]], none), column(b, dy))],
    cost: (node) => elementCost(4)(node.inputs[0]),
    samples: unarySamples,
  },
  rmsNorm: {
    doc: "x / √(mean(x²) + eps) · gain over the last axis, arXiv 1910.07467; x [..., D], gain [D]",
    kind: "composite",
    infer: ([x, gain]) =>
      gain.shape.length === 1 && gain.shape[0]!.size === x.shape.at(-1)?.size
        ? x
        : fault(`gain ${showType(gain)} for ${showType(x)}`),
    expand: (b, node) => {
      const [x, gain] = node.inputs;
      return mul(b, mul(b, x, inverseRms(b, x, node.attrs.eps)), gain);
    },
    grad: (b, node, dy) => {
      const [x, gain] = node.inputs;
      const scale = inverseRms(b, x, node.attrs.eps);
      const xhat = mul(b, x, scale);
      return [normGrad(b, scale, xhat, mul(b, dy, gain)), sumTo(b, mul(b, dy, xhat), gain)];
    },
    cost: elementCost(6),
    samples: [{ inputs: ["f32[b=2,t=3,d=4]", "f32[d=4]"], attrs: { eps: 1e-6 } }],
  },
  layerNorm: {
    doc: "(x - mean) / √(var + eps) · gain + bias over the last axis, arXiv 1607.06450; x [..., D], gain and bias [D]",
    kind: "composite",
    infer: ([x, gain, bias]) =>
      [gain, bias].every((w) => w.shape.length === 1 && w.shape[0]!.size === x.shape.at(-1)?.size)
        ? x
        : fault(`gain ${showType(gain)} and bias ${showType(bias)} for ${showType(x)}`),
    expand: (b, node) => {
      const [x, gain, bias] = node.inputs;
      const centred = sub(b, x, over(b, "reduceMean", x));
      return add(b, mul(b, mul(b, centred, inverseRms(b, centred, node.attrs.eps)), gain), bias);
    },
    grad: (b, node, dy) => {
      const [x, gain, bias] = node.inputs;
      const centred = sub(b, x, over(b, "reduceMean", x));
      const scale = inverseRms(b, centred, node.attrs.eps);
      const xhat = mul(b, centred, scale);
      const dc = normGrad(b, scale, xhat, mul(b, dy, gain));
      return [
        sub(b, dc, over(b, "reduceMean", dc)),
        sumTo(b, mul(b, dy, xhat), gain),
        sumTo(b, dy, bias),
      ];
    },
    cost: elementCost(8),
    samples: [{ inputs: ["f32[b=2,t=3,d=4]", "f32[d=4]", "f32[d=4]"], attrs: { eps: 1e-5 } }],
  },
  rope: {
    doc: "rotary positions, half-split layout, arXiv 2104.09864: x · cos + [-x₂, x₁] · sin; x [..., T, d], cos and sin [T, d] or with leading axes that broadcast to those of x, both halves of each equal",
    kind: "composite",
    infer: ([x, cos, sin]) => {
      const [t, d] = sizes(x).slice(-2);
      return d !== undefined &&
        d % 2 === 0 &&
        [cos, sin].every((w) => {
          const shape = broadcast(w.shape, x.shape);
          const [wt, wd] = sizes(w).slice(-2);
          return wt === t && wd === d && shape !== undefined && sameSizes(shape, x.shape);
        })
        ? x
        : fault(`tables ${showType(cos)}, ${showType(sin)} for ${showType(x)}`);
    },
    expand: (b, node) => {
      const [x, cos, sin] = node.inputs;
      return add(b, mul(b, x, cos), mul(b, rotateHalf(b, x), sin));
    },
    // The inverse rotation, because both halves of sin are equal.
    grad: (b, node, dy) => {
      const [, cos, sin] = node.inputs;
      return [b.emit("rope", [dy, cos, b.emit("neg", [sin], none)], none), null, null];
    },
    cost: elementCost(3),
    samples: [
      {
        inputs: ["f32[b=2,h=2,t=3,d=4]", "f32[t=3,d=4]", "f32[t=3,d=4]"],
        attrs: none,
        values: ["any", "halves", "halves"],
      },
      {
        inputs: ["f32[b=2,h=2,t=3,d=4]", "f32[b=2,h=1,t=3,d=4]", "f32[b=2,h=1,t=3,d=4]"],
        attrs: none,
        values: ["any", "halves", "halves"],
      },
    ],
  },
  attention: {
    doc: "softmax(q kᵀ · scale, causal: a query sees itself and what is before it) v, arXiv 1706.03762; q [B, H, T, d], k and v [B, K, T, d], head h reads key-value head floor(h·K/H)",
    kind: "composite",
    infer: ([q, k, v]) => {
      const [qs, ks, vs] = [sizes(q), sizes(k), sizes(v)];
      return qs.length === 4 &&
        ks.length === 4 &&
        vs.length === 4 &&
        qs[0] === ks[0] &&
        qs[1]! % ks[1]! === 0 &&
        qs[2] === ks[2] &&
        qs[3] === ks[3] &&
        ks.every((s, i) => s === vs[i])
        ? q
        : fault(`q ${showType(q)}, k ${showType(k)}, v ${showType(v)}`);
    },
    expand: (b, node) => {
      const v = node.inputs[2];
      const out = b.emit("matMul", [probabilities(b, node), v], {
        transposeX: false,
        transposeY: false,
      });
      return b.emit("reshape", [out], { shape: node.type.shape });
    },
    grad: (b, node, dy) => {
      const [q, k, v] = node.inputs;
      const kv = k.type.shape[1]!;
      const product = (x: Node, y: Node, transposeX: boolean, transposeY: boolean): Node =>
        b.emit("matMul", [x, y], { transposeX, transposeY });
      const p = probabilities(b, node);
      const dout = grouped(b, dy, kv);
      const dp = product(dout, v, false, true);
      const ds = mul(b, p, sub(b, dp, over(b, "reduceSum", mul(b, dp, p))));
      const scale = scalar(b, node.attrs.scale);
      const dq = b.emit("reshape", [product(ds, k, false, false)], { shape: q.type.shape });
      return [
        mul(b, dq, scale),
        product(ds, mul(b, grouped(b, q, kv), scale), true, false),
        product(p, dout, true, false),
      ];
    },
    cost: (node) => {
      const keys = node.inputs[1].type.shape[2]!.size;
      return { flops: 4 * count(node.type) * keys, bytes: elementCost(0)(node).bytes };
    },
    samples: [
      {
        inputs: ["f32[b=2,h=2,t=3,d=4]", "f32[b=2,h=2,t=3,d=4]", "f32[b=2,h=2,t=3,d=4]"],
        attrs: { scale: 0.5, causal: true },
      },
      {
        inputs: ["f32[b=1,h=4,t=3,d=2]", "f32[b=1,k=2,t=3,d=2]", "f32[b=1,k=2,t=3,d=2]"],
        attrs: { scale: 0.7, causal: true },
      },
      {
        inputs: ["f32[b=1,h=2,t=3,d=2]", "f32[b=1,k=1,t=3,d=2]", "f32[b=1,k=1,t=3,d=2]"],
        attrs: { scale: 1, causal: false },
      },
    ],
  },
  crossEntropy: {
    doc: "-log softmax(logits) at the target, 0 where the target is `ignore`; logits [N, V], targets i32 [N] -> [N]",
    kind: "composite",
    infer: ([logits, targets]) =>
      logits.shape.length === 2 &&
      targets.dtype === "i32" &&
      targets.shape.length === 1 &&
      targets.shape[0]!.size === logits.shape[0]!.size
        ? tensor("f32", targets.shape)
        : fault(`logits ${showType(logits)}, targets ${showType(targets)}`),
    expand: (b, node) => {
      const [logits, targets] = node.inputs;
      const hot = b.emit("oneHot", [targets], { depth: logits.type.shape[1]! });
      const picked = b.emit("reduceSum", [mul(b, hot, logits)], { axes: [1], keepDims: false });
      const surprise = sub(b, b.emit("logSumExp", [logits], none), picked);
      return mul(b, counted(b, node), surprise);
    },
    grad: (b, node, dy) => {
      const [logits, targets] = node.inputs;
      const hot = b.emit("oneHot", [targets], { depth: logits.type.shape[1]! });
      const weight = column(b, mul(b, dy, counted(b, node)));
      return [mul(b, sub(b, b.emit("softmax", [logits], none), hot), weight), null];
    },
    cost: (node) => elementCost(6)(node.inputs[0]),
    samples: [
      { inputs: ["f32[n=4,v=5]", "i32[n=4]"], attrs: { ignore: 2 }, values: ["any", "ids<5"] },
    ],
  },
};
