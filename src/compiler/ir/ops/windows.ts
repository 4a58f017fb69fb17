// Windows that slide over images, told by their shifts: the image seen from each place of the window.
// Legend: B batch, H × W image, C channels, h × w window, s stride, P × Q windows: P = floor((H - h) / s) + 1.
import { unnamed } from "../shape.ts";
import type { Builder, Dim, Node, TensorType } from "../types.ts";

export type Four = readonly [Dim, Dim, Dim, Dim];
export const four = (node: { readonly type: TensorType }): Four => node.type.shape as Four;
/** How many whole windows fit along one side. */
export const places = (image: Dim, window: Dim, stride: number): Dim => ({
  name: image.name,
  size: Math.floor((image.size - window.size) / stride) + 1,
});

type Side = readonly [down: number, right: number];
/** Zeros around the images x [B, H, W, C]. */
export const padded = (b: Builder, x: Node, before: Side, after: Side): Node =>
  [...before, ...after].every((n) => n === 0)
    ? x
    : b.emit("pad", [x], { before: [0, ...before, 0], after: [0, ...after, 0] });

export interface Windows {
  readonly size: readonly [h: Dim, w: Dim];
  readonly count: readonly [P: Dim, Q: Dim];
  readonly stride: number;
}
/** For each place of the window, row by row: what all windows of x [B, H, W, C] hold there, [B, P, Q, C]. */
export const shiftsOf = (
  b: Builder,
  x: Node,
  { size: [h, w], count: [P, Q], stride: s }: Windows,
): Node[] => {
  const [B, H, W, C] = four(x);
  // A stride is a choice of phases: rows and columns are parted into [whole strides, place within one].
  const parts = [Math.ceil(H.size / s), Math.ceil(W.size / s)] as const;
  const whole = padded(b, x, [0, 0], [parts[0] * s - H.size, parts[1] * s - W.size]);
  const phased =
    s === 1
      ? x
      : b.emit("reshape", [whole], {
          shape: [B, unnamed(parts[0]), unnamed(s), unnamed(parts[1]), unnamed(s), C],
        });
  const shift = (i: number, j: number): Node => {
    if (s === 1)
      return b.emit("slice", [x], { begin: [0, i, j, 0], size: [B.size, P.size, Q.size, C.size] });
    const begin = [0, Math.floor(i / s), i % s, Math.floor(j / s), j % s, 0];
    const phase = b.emit("slice", [phased], {
      begin,
      size: [B.size, P.size, 1, Q.size, 1, C.size],
    });
    return b.emit("reshape", [phase], { shape: [B, P, Q, C] });
  };
  return Array.from({ length: h.size * w.size }, (_, n) =>
    shift(Math.floor(n / w.size), n % w.size),
  );
};
