// Composites: ops with a meaning of their own that expand into simpler ones. Their gradients are closed forms written so
// that value numbering shares what the forward pass already computes. Of bf16 operands they see f32 copies
// (../composites.ts), and what they give is rounded once.
// Legend: B batch, H heads, T positions, d head width, D features.
import {
  broadcast,
  broadcastOffsets,
  sameSizes,
  showType,
  sizes,
  tensor,
  unnamed,
} from "../shape.ts";
import type { Builder, Node, OpTable, TensorType } from "../types.ts";
import { erf } from "./erf.ts";
import { byRow, largest, logSumExp, mean, sum } from "./loops.ts";
import { elementCost, fault, floatOnly, isFloat, none, scalar, sumTo, type Fault } from "./row.ts";

const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], none);
const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const sigmoid = (b: Builder, x: Node): Node => b.emit("sigmoid", [x], none);
const lastAxis = (x: Node): number => x.type.shape.length - 1;
const width = (x: Node): number => x.type.shape.at(-1)!.size;
const over = (b: Builder, op: "reduceSum" | "reduceMean" | "reduceMax", x: Node): Node =>
  b.emit(op, [x], { axes: [lastAxis(x)], keepDims: true });

const needsRow = ([x]: readonly [TensorType]): TensorType | Fault =>
  isFloat(x.dtype) && x.shape.length > 0
    ? x
    : fault(`needs floats of rank 1 or more, got ${showType(x)}`);
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

const column = (b: Builder, x: Node): Node =>
  b.emit("reshape", [x], { shape: [...x.type.shape, unnamed(1)] });

type Composite = Pick<
  OpTable,
  "silu" | "gelu" | "softmax" | "logSumExp" | "rmsNorm" | "layerNorm" | "rope"
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
    evaluate: ([x]) => x.map((v) => v / (1 + Math.exp(-v))),
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
    evaluate: ([x], node) => {
      const scale = Math.sqrt(2 / Math.PI);
      return node.attrs.approximate === "none"
        ? x.map((v) => (v / 2) * (1 + erf(v / Math.SQRT2)))
        : x.map((v) => (v / 2) * (1 + Math.tanh(scale * (v + 0.044715 * v ** 3))));
    },
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
    evaluate: ([x], node) =>
      byRow(x, width(node), (row) => {
        const top = largest(row);
        const e = row.map((v) => Math.exp(v - top));
        const all = sum(e);
        return e.map((v) => v / all);
      }),
    cost: elementCost(5),
    samples: unarySamples,
  },
  logSumExp: {
    doc: "log Σ e^x over the last axis, which is dropped, in f32; safe for large x",
    kind: "composite",
    infer: ([x]) =>
      x.shape.length > 0 && isFloat(x.dtype)
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
    evaluate: ([x], node) => byRow(x, width(node.inputs[0]), (row) => [logSumExp(row)]),
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
    evaluate: ([x, gain], node) =>
      byRow(x, width(node), (row) => {
        const rms = Math.sqrt(mean(row.map((v) => v * v)) + node.attrs.eps);
        return row.map((v, i) => (v / rms) * gain[i]!);
      }),
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
    evaluate: ([x, gain, bias], node) =>
      byRow(x, width(node), (row) => {
        const middle = mean(row);
        const deviation = Math.sqrt(mean(row.map((v) => (v - middle) ** 2)) + node.attrs.eps);
        return row.map((v, i) => ((v - middle) / deviation) * gain[i]! + bias[i]!);
      }),
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
    // each pair (x[j], x[j + d/2]) turned by its angle
    evaluate: ([x, cos, sin], node) => {
      const half = width(node) / 2;
      const [, atCos, atSin] = node.inputs.map((w) =>
        broadcastOffsets(sizes(w.type), sizes(node.type)),
      );
      return x.map((v, i) => {
        const partner = i % (2 * half) < half ? -x[i + half]! : x[i - half]!;
        return v * cos[atCos![i]!]! + partner * sin[atSin![i]!]!;
      });
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
};
