// Shape arithmetic shared by the op rows: sizes, strides, and NumPy broadcasting.
import { InternalError } from "../diagnostics/types.ts";
import type { Dim, DType, TensorType } from "./types.ts";

export const sizes = (type: TensorType): number[] => type.shape.map((d) => d.size);
export const count = (type: TensorType): number => type.shape.reduce((n, d) => n * d.size, 1);
export const showType = (type: TensorType): string =>
  `${type.dtype}[${type.shape.map((d) => (d.name === "" ? String(d.size) : `${d.name}=${d.size}`)).join(", ")}]`;
/** The type of a tensor at a program's edge. */
export const edgeType = ({ dtype }: TensorType): Exclude<DType, "bf16"> => {
  if (dtype === "bf16") throw new InternalError("bf16 does not leave a program");
  return dtype;
};
export const tensor = (dtype: DType, shape: readonly Dim[]): TensorType => ({ dtype, shape });
export const sameSizes = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => d.size === b[i]?.size);

/** An axis without a name: those that expansions and passes make. */
export const unnamed = (size: number): Dim => ({ name: "", size });
export const dims = (...sizes: readonly number[]): Dim[] => sizes.map(unnamed);

/** Row-major strides in elements. */
export const stridesOf = (shape: readonly number[]): number[] => {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
};

/** The shape of an elementwise result, or undefined when the two do not broadcast. */
export const broadcast = (a: readonly Dim[], b: readonly Dim[]): Dim[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - (rank - a.length)];
    const y = b[i - (rank - b.length)];
    if (x === undefined || y === undefined) out.push((x ?? y)!);
    else if (x.size === y.size) out.push(x.name === "" ? y : x);
    else if (x.size === 1) out.push(y);
    else if (y.size === 1) out.push(x);
    else return undefined;
  }
  return out;
};

/** For each element of `out`, the offset into a tensor of shape `from` that broadcasts to it. */
export const broadcastOffsets = (from: readonly number[], out: readonly number[]): Int32Array => {
  const total = out.reduce((n, s) => n * s, 1);
  const lead = out.length - from.length;
  const strides = stridesOf(from).map((s, i) => (from[i] === 1 ? 0 : s));
  const offsets = new Int32Array(total);
  const index = new Array<number>(out.length).fill(0);
  let at = 0;
  for (let n = 0; n < total; n++) {
    offsets[n] = at;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      const stride = axis < lead ? 0 : strides[axis - lead]!;
      index[axis]!++;
      at += stride;
      if (index[axis]! < out[axis]!) break;
      at -= stride * out[axis]!;
      index[axis] = 0;
    }
  }
  return offsets;
};

/** The axes over which a gradient of shape `out` is summed to come back to `from`. */
export const reducedAxes = (from: readonly Dim[], out: readonly Dim[]): number[] => {
  const lead = out.length - from.length;
  return out.flatMap((d, i) =>
    i < lead || (from[i - lead]?.size === 1 && d.size !== 1) ? [i] : [],
  );
};
