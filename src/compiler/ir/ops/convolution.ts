// Convolutions of images and their two gradients, which are each other's gradients in turn. Edges are explicit: an image is
// padded by `pad` where padding is meant, so only whole windows count here. Engines without kernels of their own get products
// of shifted windows laid side by side (im2col).
// Legend: B batch, H × W image, C channels in, O channels out, h × w window, s stride, P × Q results: P = floor((H - h) / s) + 1.
import { count, sameSizes, showType, tensor, unnamed } from "../shape.ts";
import type { Builder, Dim, Node, OpTable, TensorType } from "../types.ts";
import { bytes, fault, isFloat, type Fault } from "./row.ts";
import { four, padded, places, shiftsOf, type Four, type Windows } from "./windows.ts";

const isImages = (...types: readonly TensorType[]): boolean =>
  types.every((t) => isFloat(t.dtype) && t.dtype === types[0]!.dtype && t.shape.length === 4);

const reshape = (b: Builder, x: Node, shape: readonly Dim[]): Node =>
  b.emit("reshape", [x], { shape });
const product = (b: Builder, x: Node, y: Node, transposeX = false): Node =>
  b.emit("matMul", [x, y], { transposeX, transposeY: false });

/** Every window of x [B, H, W, C] as a row [B·P·Q, h·w·C]; `turned`: its last place first. */
const windowRows = (b: Builder, x: Node, windows: Windows, turned = false): Node => {
  const [P, Q] = windows.count;
  const [B, , , C] = four(x);
  const rows = [unnamed(B.size * P.size * Q.size), C];
  const shifts = shiftsOf(b, x, windows).map((shift) => reshape(b, shift, rows));
  if (turned) shifts.reverse();
  return shifts.length === 1 ? shifts[0]! : b.emit("concat", shifts, { axis: 1 });
};

/** dy [B, P, Q, O] with s - 1 zeros after each row and column, cut or filled up to [B, H, W, O]. */
const spread = (b: Builder, dy: Node, s: number, H: number, W: number): Node => {
  const [B, P, Q, O] = four(dy);
  const apart = b.emit("pad", [reshape(b, dy, [B, P, unnamed(1), Q, unnamed(1), O])], {
    before: [0, 0, 0, 0, 0, 0],
    after: [0, 0, s - 1, 0, s - 1, 0],
  });
  const wide = s === 1 ? dy : reshape(b, apart, [B, unnamed(P.size * s), unnamed(Q.size * s), O]);
  const [, h, w] = four(wide);
  const kept = [Math.min(h.size, H), Math.min(w.size, W)] as const;
  const cut =
    kept[0] === h.size && kept[1] === w.size
      ? wide
      : b.emit("slice", [wide], { begin: [0, 0, 0, 0], size: [B.size, ...kept, O.size] });
  return padded(b, cut, [0, 0], [H - kept[0], W - kept[1]]);
};

const flops = (result: Dim, node: Node, window: readonly Dim[]): number =>
  2 * count(node.type) * result.size * window.reduce((n, d) => n * d.size, 1);
const moved = (node: Node): number =>
  bytes(node.type) + node.inputs.reduce((n, x) => n + bytes(x.type), 0);

/** Calls `each` with the offsets of one value of x, and of the rows of O values of kernel and y that belong to it. */
const pairs = (
  x: Four,
  kernel: Four,
  y: Four,
  s: number,
  each: (x: number, kernel: number, y: number) => void,
): void => {
  const [B, H, W, C] = x.map((d) => d.size) as [number, number, number, number];
  const [h, w] = [kernel[0].size, kernel[1].size];
  const [, P, Q, O] = y.map((d) => d.size) as [number, number, number, number];
  for (let n = 0; n < B; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (let i = 0; i < h; i++)
          for (let j = 0; j < w; j++)
            for (let c = 0; c < C; c++)
              each(
                ((n * H + p * s + i) * W + q * s + j) * C + c,
                ((i * w + j) * C + c) * O,
                ((n * P + p) * Q + q) * O,
              );
};

type Names = "conv2d" | "conv2dInputGrad" | "conv2dKernelGrad";

export const convolutions: Pick<OpTable, Names> = {
  conv2d: {
    doc: "Σ over the window of x · kernel at every stride-th place; x [B, H, W, C], kernel [h, w, C, O] -> [B, P, Q, O]; a cross-correlation, as in every library",
    kind: "composite",
    infer: ([x, kernel], { stride }): TensorType | Fault => {
      const shown = `${showType(x)} by ${showType(kernel)}, stride ${stride}`;
      if (!isImages(x, kernel) || stride < 1) return fault(`needs images of floats, got ${shown}`);
      const [B, H, W, C] = x.shape as Four;
      const [h, w, c, O] = kernel.shape as Four;
      if (C.size !== c.size || h.size > H.size || w.size > W.size)
        return fault(`the kernel does not fit: ${shown}`);
      return tensor(x.dtype, [B, places(H, h, stride), places(W, w, stride), O]);
    },
    expand: (b, node) => {
      const [x, kernel] = node.inputs;
      const [h, w, C, O] = four(kernel);
      const [, P, Q] = four(node);
      const rows = windowRows(b, x, {
        size: [h, w],
        count: [P, Q],
        stride: node.attrs.stride,
      });
      const matrix = reshape(b, kernel, [unnamed(h.size * w.size * C.size), O]);
      return reshape(b, product(b, rows, matrix), node.type.shape);
    },
    grad: (b, node, dy) => {
      const [x, kernel] = node.inputs;
      const { stride } = node.attrs;
      const [, H, W] = four(x);
      const [h, w] = four(kernel);
      return [
        b.emit("conv2dInputGrad", [dy, kernel], { stride, size: [H.size, W.size] }),
        b.emit("conv2dKernelGrad", [x, dy], { stride, size: [h.size, w.size] }),
      ];
    },
    evaluate: ([x, kernel], node) => {
      const [xs, ks] = [four(node.inputs[0]), four(node.inputs[1])];
      const y = new Float64Array(count(node.type));
      const O = ks[3].size;
      pairs(xs, ks, four(node), node.attrs.stride, (at, k, to) => {
        for (let o = 0; o < O; o++) y[to + o]! += x[at]! * kernel[k + o]!;
      });
      return y;
    },
    cost: (node) => {
      const [h, w, C] = four(node.inputs[1]);
      return { flops: flops(C, node, [h, w]), bytes: moved(node) };
    },
    samples: [
      { inputs: ["f32[b=2,h=4,w=5,c=2]", "f32[i=3,j=2,c=2,o=3]"], attrs: { stride: 1 } },
      { inputs: ["f32[b=1,h=7,w=6,c=2]", "f32[i=3,j=3,c=2,o=2]"], attrs: { stride: 2 } },
      { inputs: ["f32[b=2,h=5,w=4,c=3]", "f32[i=1,j=1,c=3,o=2]"], attrs: { stride: 2 } },
      { inputs: ["f32[b=2,h=2,w=3,c=3]", "f32[i=1,j=1,c=3,o=2]"], attrs: { stride: 1 } },
    ],
  },
  conv2dInputGrad: {
    doc: "what conv2d's gradient dy [B, P, Q, O] is at its images [B, H, W, C]; size = [H, W]",
    kind: "composite",
    infer: ([dy, kernel], { stride, size: [H, W] }): TensorType | Fault => {
      const shown = `${showType(dy)}, kernel ${showType(kernel)}, images ${H}×${W}`;
      if (!isImages(dy, kernel)) return fault(`needs images of floats, got ${shown}`);
      const [B, P, Q, O] = dy.shape as Four;
      const image = [
        { name: P.name, size: H },
        { name: Q.name, size: W },
      ] as const;
      const [h, w, C, o] = kernel.shape as Four;
      return O.size === o.size &&
        places(image[0], h, stride).size === P.size &&
        places(image[1], w, stride).size === Q.size
        ? tensor(dy.dtype, [B, ...image, C])
        : fault(`sizes do not belong together: ${shown}`);
    },
    expand: (b, node) => {
      const [dy, kernel] = node.inputs;
      const { stride } = node.attrs;
      const [B, H, W, C] = four(node);
      const [h, w, , O] = four(kernel);
      const turned = b.emit("transpose", [kernel], { perm: [0, 1, 3, 2] });
      const matrix = reshape(b, turned, [unnamed(h.size * w.size * O.size), C]);
      if (h.size * w.size === 1) {
        const [, P, Q] = four(dy);
        const each = product(b, reshape(b, dy, [unnamed(count(dy.type) / O.size), O]), matrix);
        return spread(b, reshape(b, each, [B, P, Q, C]), stride, H.size, W.size);
      }
      // Each place of the image sees the windows that it was in: a convolution of the spread gradient, the window turned round.
      const edge = [h.size - 1, w.size - 1] as const;
      const inner = spread(b, dy, stride, H.size - edge[0], W.size - edge[1]);
      const windows = { size: [h, w], count: [H, W], stride: 1 } as const;
      const rows = windowRows(b, padded(b, inner, edge, edge), windows, true);
      return reshape(b, product(b, rows, matrix), node.type.shape);
    },
    grad: (b, node, dx) => {
      const [dy, kernel] = node.inputs;
      const { stride } = node.attrs;
      const [h, w] = four(kernel);
      return [
        b.emit("conv2d", [dx, kernel], { stride }),
        b.emit("conv2dKernelGrad", [dx, dy], { stride, size: [h.size, w.size] }),
      ];
    },
    evaluate: ([dy, kernel], node) => {
      const [ys, ks] = [four(node.inputs[0]), four(node.inputs[1])];
      const x = new Float64Array(count(node.type));
      const O = ks[3].size;
      pairs(four(node), ks, ys, node.attrs.stride, (to, k, at) => {
        for (let o = 0; o < O; o++) x[to]! += dy[at + o]! * kernel[k + o]!;
      });
      return x;
    },
    cost: (node) => {
      const [h, w, C] = four(node.inputs[1]);
      return { flops: flops(C, node.inputs[0], [h, w]), bytes: moved(node) };
    },
    samples: [
      {
        inputs: ["f32[b=1,p=2,q=4,o=3]", "f32[i=3,j=2,c=2,o=3]"],
        attrs: { stride: 1, size: [4, 5] },
      },
      {
        inputs: ["f32[b=1,p=3,q=2,o=2]", "f32[i=3,j=3,c=2,o=2]"],
        attrs: { stride: 2, size: [8, 6] },
      },
      {
        inputs: ["f32[b=2,p=3,q=2,o=2]", "f32[i=1,j=1,c=3,o=2]"],
        attrs: { stride: 2, size: [5, 4] },
      },
    ],
  },
  conv2dKernelGrad: {
    doc: "what conv2d's gradient dy [B, P, Q, O] is at its kernel [h, w, C, O], given the images x [B, H, W, C]; size = [h, w]",
    kind: "composite",
    infer: ([x, dy], { stride, size: [h, w] }): TensorType | Fault => {
      const shown = `${showType(x)}, ${showType(dy)}, window ${h}×${w}`;
      if (!isImages(x, dy)) return fault(`needs images of floats, got ${shown}`);
      const [B, H, W, C] = x.shape as Four;
      const [, P, Q, O] = dy.shape as Four;
      const window = [unnamed(h), unnamed(w)] as const;
      const found = [B, places(H, window[0], stride), places(W, window[1], stride)];
      return sameSizes(found, [dy.shape[0]!, P, Q])
        ? tensor(x.dtype, [...window, C, O])
        : fault(`sizes do not belong together: ${shown}`);
    },
    expand: (b, node) => {
      const [x, dy] = node.inputs;
      const [h, w] = four(node);
      const [, P, Q, O] = four(dy);
      const rows = windowRows(b, x, {
        size: [h, w],
        count: [P, Q],
        stride: node.attrs.stride,
      });
      const grads = reshape(b, dy, [unnamed(count(dy.type) / O.size), O]);
      return reshape(b, product(b, rows, grads, true), node.type.shape);
    },
    grad: (b, node, dk) => {
      const [x, dy] = node.inputs;
      const { stride } = node.attrs;
      const [, H, W] = four(x);
      return [
        b.emit("conv2dInputGrad", [dy, dk], { stride, size: [H.size, W.size] }),
        b.emit("conv2d", [x, dk], { stride }),
      ];
    },
    evaluate: ([x, dy], node) => {
      const [xs, ys] = [four(node.inputs[0]), four(node.inputs[1])];
      const kernel = new Float64Array(count(node.type));
      const O = ys[3].size;
      pairs(xs, four(node), ys, node.attrs.stride, (at, to, y) => {
        for (let o = 0; o < O; o++) kernel[to + o]! += x[at]! * dy[y + o]!;
      });
      return kernel;
    },
    cost: (node) => {
      const [h, w, C] = four(node);
      return { flops: flops(C, node.inputs[1], [h, w]), bytes: moved(node) };
    },
    samples: [
      {
        inputs: ["f32[b=2,h=4,w=5,c=2]", "f32[b=2,p=2,q=4,o=3]"],
        attrs: { stride: 1, size: [3, 2] },
      },
      {
        inputs: ["f32[b=1,h=8,w=6,c=2]", "f32[b=1,p=3,q=2,o=2]"],
        attrs: { stride: 2, size: [3, 3] },
      },
      {
        inputs: ["f32[b=2,h=5,w=4,c=3]", "f32[b=2,p=3,q=2,o=2]"],
        attrs: { stride: 2, size: [1, 1] },
      },
    ],
  },
};
