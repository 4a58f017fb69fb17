// Norms and pools of images. Legend: B batch, H × W image, C channels.
import { count, showType, sizes, tensor, unnamed } from "../shape.ts";
import type { Builder, Node, OpTable } from "../types.ts";
import { mean } from "./loops.ts";
import { elementCost, fault, isFloat, none, scalar, sumTo } from "./row.ts";
import { four, padded, places, shiftsOf, type Four } from "./windows.ts";

const add = (b: Builder, x: Node, y: Node): Node => b.emit("add", [x, y], none);
const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
/** Over all axes but the last: [C]. */
const channelMean = (b: Builder, x: Node): Node =>
  b.emit("reduceMean", [x], {
    axes: x.type.shape.slice(0, -1).map((_d, i) => i),
    keepDims: false,
  });

/** 1 / √(var + eps) [C] and the normalised x [..., C]. */
const normalised = (b: Builder, x: Node, eps: number): { readonly scale: Node; readonly xhat: Node } => {
  const centred = sub(b, x, channelMean(b, x));
  const variance = channelMean(b, b.emit("square", [centred], none));
  const scale = b.emit("rsqrt", [add(b, variance, scalar(b, eps))], none);
  return { scale, xhat: mul(b, centred, scale) };
}; // prettier-ignore

/** Below what any image holds, and finite in every type of float. */
const LOWEST = -3e38;

export const imageOps: Pick<OpTable, "batchNorm" | "maxPool"> = {
  batchNorm: {
    doc: "(x - mean) / √(var + eps) · gain + bias, mean and (biased) variance of each channel over everything else, arXiv 1502.03167; x [..., C], gain and bias [C]",
    kind: "composite",
    infer: ([x, gain, bias]) =>
      x.shape.length > 1 &&
      [gain, bias].every((w) => w.shape.length === 1 && w.shape[0]!.size === x.shape.at(-1)?.size)
        ? x
        : fault(`gain ${showType(gain)} and bias ${showType(bias)} for ${showType(x)}`),
    expand: (b, node) => {
      const [x, gain, bias] = node.inputs;
      return add(b, mul(b, normalised(b, x, node.attrs.eps).xhat, gain), bias);
    },
    grad: (b, node, dy) => {
      const [x, gain, bias] = node.inputs;
      const { scale, xhat } = normalised(b, x, node.attrs.eps);
      const g = mul(b, dy, gain);
      const along = mul(b, xhat, channelMean(b, mul(b, g, xhat)));
      return [
        mul(b, scale, sub(b, sub(b, g, channelMean(b, g)), along)),
        sumTo(b, mul(b, dy, xhat), gain),
        sumTo(b, dy, bias),
      ];
    },
    evaluate: ([x, gain, bias], node) => {
      const C = gain.length;
      const out = new Float64Array(x.length);
      for (let c = 0; c < C; c++) {
        const channel = x.filter((_v, i) => i % C === c);
        const middle = mean(channel);
        const deviation = Math.sqrt(mean(channel.map((v) => (v - middle) ** 2)) + node.attrs.eps);
        channel.forEach((v, i) => {
          out[i * C + c] = ((v - middle) / deviation) * gain[c]! + bias[c]!;
        });
      }
      return out;
    },
    cost: elementCost(8),
    samples: [
      { inputs: ["f32[b=3,h=2,w=2,c=2]", "f32[c=2]", "f32[c=2]"], attrs: { eps: 1e-5 } },
      { inputs: ["f32[b=5,c=3]", "f32[c=3]", "f32[c=3]"], attrs: { eps: 1e-3 } },
    ],
  },
  maxPool: {
    doc: "the largest of each window at every stride-th place, `pad` places around the image counting for nothing; x [B, H, W, C] -> [B, P, Q, C]",
    kind: "composite",
    infer: ([x], { window, stride, pad }) => {
      if (x.shape.length !== 4 || !isFloat(x.dtype)) return fault(`got ${showType(x)}`);
      const [B, H, W, C] = x.shape as Four;
      const across = (d: typeof H) =>
        places({ name: d.name, size: d.size + 2 * pad }, unnamed(window), stride);
      return 2 * pad <= window && across(H).size > 0 && across(W).size > 0
        ? tensor(x.dtype, [B, across(H), across(W), C])
        : fault(`windows of ${window}, ${pad} around, on ${showType(x)}`);
    },
    expand: (b, node) => {
      const [x] = node.inputs;
      const { dtype } = x.type;
      const { window, stride, pad } = node.attrs;
      const edge = [pad, pad] as const;
      const inside = b.emit("full", [], { dtype, shape: x.type.shape, value: 1 });
      const image = padded(b, inside, edge, edge);
      const isInside = b.emit("greater", [image, scalar(b, 0, dtype)], none);
      const filled =
        pad === 0
          ? x
          : b.emit("select", [isInside, padded(b, x, edge, edge), scalar(b, LOWEST, dtype)], none);
      const [, P, Q] = four(node);
      return shiftsOf(b, filled, {
        size: [unnamed(window), unnamed(window)],
        count: [P, Q],
        stride,
      }).reduce((top, shift) => b.emit("maximum", [top, shift], none));
    },
    grad: "expand",
    evaluate: ([x], node) => {
      const { window, stride, pad } = node.attrs;
      const [H, W, C] = sizes(node.inputs[0].type).slice(1) as [number, number, number];
      const [P, Q] = sizes(node.type).slice(1) as [number, number];
      return new Float64Array(count(node.type)).map((_v, n) => {
        const [c, q, p] = [n % C, Math.floor(n / C) % Q, Math.floor(n / (C * Q)) % P];
        const image = Math.floor(n / (C * Q * P)) * H * W * C;
        let top = -Infinity;
        for (let i = p * stride - pad; i < p * stride - pad + window; i++)
          for (let j = q * stride - pad; j < q * stride - pad + window; j++)
            if (i >= 0 && i < H && j >= 0 && j < W)
              top = Math.max(top, x[image + (i * W + j) * C + c]!);
        return top;
      });
    },
    cost: (node) => ({
      flops: count(node.type) * node.attrs.window ** 2,
      bytes: elementCost(0)(node).bytes,
    }),
    samples: [
      {
        inputs: ["f32[b=2,h=4,w=5,c=2]"],
        attrs: { window: 2, stride: 2, pad: 0 },
        values: ["apart"],
      },
      {
        inputs: ["f32[b=1,h=5,w=3,c=1]"],
        attrs: { window: 3, stride: 2, pad: 1 },
        values: ["apart"],
      },
    ],
  },
};
