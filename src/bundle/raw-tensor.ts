// Tensors as bytes of any number format, rearranged without reading a value: what conversions between layouts of checkpoints
// are made of. Nothing here can lose a bit.
import { FORMAT_BYTES, type NumberFormat } from "./number-formats.ts";
import { sizeOf } from "./tensor.ts";

export interface RawTensor {
  readonly format: NumberFormat;
  readonly shape: readonly number[];
  /** Row-major, exactly as long as shape and format say. */
  readonly bytes: Uint8Array;
}

const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;
/** Rows and columns of a tile: source and target of one stay in the cache together. */
const TILE = 32;

/** [r, c] -> [c, r] */
export const transposeRaw = ({ format, shape, bytes }: RawTensor): RawTensor => {
  const [rows = 1, columns = 1] = shape;
  const Words = WORDS[FORMAT_BYTES[format]];
  // A copy, since a tensor may lie at any offset of its file.
  const from = new Words(new Uint8Array(bytes).buffer);
  const to = new Words(from.length);
  for (let top = 0; top < rows; top += TILE)
    for (let left = 0; left < columns; left += TILE)
      for (let r = top; r < Math.min(top + TILE, rows); r += 1)
        for (let c = left; c < Math.min(left + TILE, columns); c += 1)
          to[c * rows + r] = from[r * columns + c]!;
  return { format, shape: [columns, rows], bytes: new Uint8Array(to.buffer) };
};

/** Bytes that lie together below one index of the axes before `axis`, and how many such runs there are. */
const runs = ({ format, shape }: Omit<RawTensor, "bytes">, axis: number): [number, number] => [
  sizeOf(shape.slice(0, axis)),
  sizeOf(shape.slice(axis)) * FORMAT_BYTES[format],
];

/** Equal but for the size of `axis`, one after the other along it. */
export const joinRaw = (parts: readonly RawTensor[], axis: number): RawTensor => {
  const [first] = parts;
  if (first === undefined) throw new Error("nothing to join");
  const size = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const shape = first.shape.map((n, i) => (i === axis ? size : n));
  const { format } = first;
  const [count, length] = runs({ format, shape }, axis);
  const out = new Uint8Array(count * length);
  let offset = 0;
  for (const part of parts) {
    const [, step] = runs(part, axis);
    for (let i = 0; i < count; i += 1)
      out.set(part.bytes.subarray(i * step, (i + 1) * step), i * length + offset);
    offset += step;
  }
  return { format, shape, bytes: out };
};

/** `sizes` along `axis`, which they cover: the inverse of joining. */
export const splitRaw = (
  whole: RawTensor,
  axis: number,
  sizes: readonly number[],
): readonly RawTensor[] => {
  const { format, shape, bytes } = whole;
  const [count, length] = runs(whole, axis);
  let offset = 0;
  return sizes.map((size) => {
    const part = { format, shape: shape.map((n, i) => (i === axis ? size : n)) };
    const [, step] = runs(part, axis);
    const out = new Uint8Array(count * step);
    for (let i = 0; i < count; i += 1) {
      const from = i * length + offset;
      out.set(bytes.subarray(from, from + step), i * step);
    }
    offset += step;
    return { ...part, bytes: out };
  });
};
