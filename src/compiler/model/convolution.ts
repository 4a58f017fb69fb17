// The layers of image models: convolutions with padding, batch norm, pools. Kernels are [h, w, in, out] here and
// [out, in, h, w] on disk. Names on disk are the paths. Legend: B batch, H × W image, C channels.
import type { Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { number, optionalNumber } from "./config.ts";
import { initOf, vector } from "./layers.ts";
import { add, dim, mul, reshape, sub, transpose } from "./ops.ts";
import type { NormKind, Stage } from "./sites.ts";
import { revise } from "./effects.ts";

export const sidesOf = (x: Node): readonly [B: Dim, H: Dim, W: Dim, C: Dim] =>
  x.type.shape as readonly [Dim, Dim, Dim, Dim];

/** Without a bias, zeros around: at stride 1 the image keeps its size. x [B, H, W, in] -> [B, H', W', out] */
export const convolve = (
  { b, params }: Stage,
  x: Node,
  layer: {
    readonly path: string;
    readonly out: Dim;
    readonly kernel: number;
    readonly stride: number;
    readonly init: Variant;
  },
): Node => {
  const { path, out, kernel: k, stride } = layer;
  const C = sidesOf(x)[3];
  const kernel = params.get({
    name: `${path}.weight`,
    diskName: `${path}.weight`,
    shape: [dim("", k), dim("", k), C, out],
    transposed: true,
    init: initOf(layer.init, k * k * C.size, k * k * out.size),
    role: "weight",
  });
  const edge = Math.floor((k - 1) / 2);
  const around = [0, edge, edge, 0];
  const image = edge === 0 ? x : b.emit("pad", [x], { before: around, after: around });
  return b.emit("conv2d", [image, kernel], { stride });
};

/**
 * Batch norm, arXiv 1502.03167, as torch.nn.BatchNorm2d has it: statistics of the batch in training, of all batches so far
 * elsewhere; the running variance is the unbiased one.
 */
export const batchNorm: NormKind = (stage, spec, x, name, start) => {
  const { b, params, effects, training } = stage;
  const C = x.type.shape.at(-1)!;
  const eps = number(spec, "eps");
  const gain = vector(params, name, "weight", C, start);
  const bias = vector(params, name, "bias", C, 0);
  const running = (part: "running_mean" | "running_var", value: number): Node =>
    params.get({
      name: `${name.path}.${part}`,
      diskName: `${name.disk}.${part}`,
      shape: [C],
      init: { kind: "constant", value },
      trained: false,
      buffer: true,
      role: "statistic",
    });
  const mean = running("running_mean", 0);
  const variance = running("running_var", 1);
  if (!training) {
    const scale = b.emit("rsqrt", [add(b, variance, eps)], {});
    return add(b, mul(b, mul(b, sub(b, x, mean), scale), gain), bias);
  }
  const axes = x.type.shape.slice(0, -1).map((_d, i) => i);
  const count = x.type.shape.slice(0, -1).reduce((n, d) => n * d.size, 1);
  const over = (node: Node): Node => b.emit("reduceMean", [node], { axes, keepDims: false });
  const batchMean = over(x);
  const spread = over(b.emit("square", [sub(b, x, batchMean)], {}));
  const unbiased = mul(b, spread, count / Math.max(1, count - 1));
  const momentum = number(spec, "momentum");
  const moved = (seen: Node) => (value: Node) =>
    add(b, mul(b, value, 1 - momentum), mul(b, seen, momentum));
  revise(effects, `${name.path}.running_mean`, mean, moved(batchMean));
  revise(effects, `${name.path}.running_var`, variance, moved(unbiased));
  return b.emit("batchNorm", [x, gain, bias], { eps });
};

/**
 * Means over windows without overlap, whole ones only, or over the whole image; what is left is laid out as PyTorch's
 * view(B, -1) does. x [B, H, W, C] -> [B, C · P · Q]
 */
export const averagePool = ({ b }: Stage, spec: Variant, x: Node): Node => {
  const window = optionalNumber(spec, "window");
  const [B, H, W, C] = sidesOf(x);
  const mean = (node: Node, axes: readonly number[]): Node =>
    b.emit("reduceMean", [node], { axes, keepDims: false });
  if (window === null) return mean(x, [1, 2]);
  const [P, Q] = [Math.floor(H.size / window), Math.floor(W.size / window)];
  const whole = b.emit("slice", [x], {
    begin: [0, 0, 0, 0],
    size: [B.size, P * window, Q * window, C.size],
  });
  const windows = reshape(b, whole, [
    B,
    dim("", P),
    dim("", window),
    dim("", Q),
    dim("", window),
    C,
  ]);
  const pooled = transpose(b, mean(windows, [2, 4]), [0, 3, 1, 2]); // [B, C, P, Q]
  return reshape(b, pooled, [B, dim("features", C.size * P * Q)]);
};
