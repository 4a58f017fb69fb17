// Affine reads: which element of a contiguous buffer a loop's index wants, as offset and strides over the loop's dims.
// Reshapes keep such a map as it is; the other layout ops need it as coordinates of the value's own dims (`coordinatesOf`).
import { stridesOf } from "../../ir/shape.ts";

export interface Affine {
  readonly offset: number;
  readonly strides: readonly number[];
}
/** Per dim of a value: start plus coefficients over the loop's dims. */
export interface Coordinate {
  readonly start: number;
  readonly by: readonly number[];
}

export const identity = (dims: readonly number[]): Affine => ({
  offset: 0,
  strides: stridesOf(dims),
});

/** Undefined when a loop dim runs across several dims of the shape: the caller then stores the value first. */
export const coordinatesOf = (
  at: Affine,
  dims: readonly number[],
  shape: readonly number[],
): readonly Coordinate[] | undefined => {
  const strides = stridesOf(shape);
  let rest = at.offset;
  const starts = shape.map((_, k) => {
    const start = Math.floor(rest / strides[k]!);
    rest -= start * strides[k]!;
    return start;
  });
  const by = shape.map(() => dims.map(() => 0));
  const top = [...starts];
  for (const [d, stride] of at.strides.entries()) {
    if (stride === 0 || dims[d] === 1) continue;
    const k = shape.findIndex((size, i) => size > 1 && strides[i]! <= stride);
    if (k < 0 || stride % strides[k]! !== 0) return undefined;
    by[k]![d] = stride / strides[k]!;
    top[k]! += by[k]![d] * (dims[d]! - 1);
  }
  if (top.some((largest, k) => largest >= shape[k]!)) return undefined;
  return starts.map((start, k) => ({ start, by: by[k]! }));
};

export const affineOf = (
  coordinates: readonly Coordinate[],
  shape: readonly number[],
  rank: number,
): Affine => {
  const strides = stridesOf(shape);
  return {
    offset: coordinates.reduce((sum, c, k) => sum + c.start * strides[k]!, 0),
    strides: Array.from({ length: rank }, (_, d) =>
      coordinates.reduce((sum, c, k) => sum + c.by[d]! * strides[k]!, 0),
    ),
  };
};

/** Where an operand of shape `from` is read when its value is broadcast to coordinates `at` of a larger shape. */
export const broadcastFrom = (
  at: readonly Coordinate[],
  from: readonly number[],
  rank: number,
): Affine => {
  const aligned = at.slice(at.length - from.length);
  const still = Array.from({ length: rank }, () => 0);
  return affineOf(
    aligned.map((c, k) => (from[k] === 1 ? { start: 0, by: still } : c)),
    from,
    rank,
  );
};

interface Nest {
  readonly dims: readonly number[];
  readonly accesses: readonly Affine[];
  readonly over: readonly boolean[];
}
/** Drops dims of size 1 and merges neighbours that every access walks as one. */
export const collapse = ({ dims, accesses, over }: Nest): Nest => {
  const kept: { size: number; strides: number[]; over: boolean }[] = [];
  for (const [d, size] of dims.entries()) {
    if (size === 1) continue;
    const strides = accesses.map((a) => a.strides[d]!);
    const before = kept.at(-1);
    if (
      before !== undefined &&
      before.over === over[d] &&
      strides.every((s, i) => before.strides[i] === s * size)
    )
      kept[kept.length - 1] = { size: before.size * size, strides, over: before.over };
    else kept.push({ size, strides, over: over[d] ?? false });
  }
  if (kept.length === 0)
    kept.push({ size: 1, strides: accesses.map(() => 0), over: over.some(Boolean) });
  return {
    dims: kept.map((k) => k.size),
    accesses: accesses.map((a, i) => ({
      offset: a.offset,
      strides: kept.map((k) => k.strides[i]!),
    })),
    over: kept.map((k) => k.over),
  };
};
