// Residual units of image models. Where a unit changes the size or the channels, a 1×1 convolution does the same to the
// shortcut.
import type { Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { number, variant } from "./config.ts";
import { convolve, sidesOf } from "./convolution.ts";
import { normalise } from "./norms.ts";
import { add, dim, relu } from "./ops.ts";
import type { UnitKind } from "./sites.ts";

type Place = Parameters<UnitKind>[3];

/** `stride: first(2)` strides in the first unit of its group alone. */
export const strideOf = (spec: Variant, first: boolean): number => {
  const stride = variant(spec, "stride");
  return stride.is === "first" && !first ? 1 : number(stride, "stride");
};

/** The parts of a unit, by name below it. */
const partsOf = (stage: Parameters<UnitKind>[0], spec: Variant, { path, init }: Place) => ({
  b: stage.b,
  conv: (name: string, x: Node, out: number, kernel: number, stride = 1): Node =>
    stage.b.at(name, undefined, () =>
      convolve(stage, x, {
        path: `${path}.${name}`,
        out: dim("channels", out),
        kernel,
        stride,
        init,
      }),
    ),
  norm: (name: string, x: Node): Node =>
    stage.b.at(name, undefined, () =>
      normalise(stage, variant(spec, "norm"), x, {
        path: `${path}.${name}`,
        disk: `${path}.${name}`,
      }),
    ),
});
const changes = (x: Node, out: number, stride: number): boolean =>
  sidesOf(x)[3].size !== out || stride !== 1;

/** relu(x + branch), where the norms of a unit come after its convolutions. */
const joined = (
  { b, conv, norm }: ReturnType<typeof partsOf>,
  x: Node,
  branch: Node,
  stride: number,
): Node => {
  const out = sidesOf(branch)[3].size;
  const skip = changes(x, out, stride)
    ? norm("shortcut_norm", conv("shortcut", x, out, 1, stride))
    : x;
  return relu(b, add(b, skip, branch));
};

export const unitKinds: Readonly<Record<string, UnitKind>> = {
  /** x + C₂(relu N₂(C₁(a))) with a = relu(N₁(x)), arXiv 1605.07146; a changed shortcut reads a. */
  wide_basic: (stage, spec, x, place) => {
    const { b, conv, norm } = partsOf(stage, spec, place);
    const out = number(spec, "channels");
    const stride = strideOf(spec, place.first);
    const active = relu(b, norm("conv1_norm", x));
    const inner = relu(b, norm("conv2_norm", conv("conv1", active, out, 3, stride)));
    const skip = changes(x, out, stride) ? conv("shortcut", active, out, 1, stride) : x;
    return add(b, skip, conv("conv2", inner, out, 3));
  },
  /** relu(x + N₂(C₂(relu N₁(C₁(x))))), arXiv 1512.03385: ResNet-18 and -34. */
  basic: (stage, spec, x, place) => {
    const parts = partsOf(stage, spec, place);
    const { b, conv, norm } = parts;
    const out = number(spec, "channels");
    const stride = strideOf(spec, place.first);
    const inner = relu(b, norm("conv1_norm", conv("conv1", x, out, 3, stride)));
    return joined(parts, x, norm("conv2_norm", conv("conv2", inner, out, 3)), stride);
  },
  /** 1×1 down, 3×3 (which strides, as in torchvision), 1×1 up to `expansion` times the channels; arXiv 1512.03385: ResNet-50. */
  bottleneck: (stage, spec, x, place) => {
    const parts = partsOf(stage, spec, place);
    const { b, conv, norm } = parts;
    const width = number(spec, "channels");
    const out = width * number(spec, "expansion");
    const stride = strideOf(spec, place.first);
    const narrow = relu(b, norm("conv1_norm", conv("conv1", x, width, 1)));
    const inner = relu(b, norm("conv2_norm", conv("conv2", narrow, width, 3, stride)));
    return joined(parts, x, norm("conv3_norm", conv("conv3", inner, out, 1)), stride);
  },
};
