// The number formats of safetensors that the host knows, and their conversion to what it holds: floats become f32, integers
// i32, truth values bool. A value that does not fit is a fault of the file, never a silent wrap.
import type { DType } from "./manifest.ts";
import type { HostTensor } from "./tensor.ts";

export const FORMAT_BYTES = {
  BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8,
} as const; // prettier-ignore
export type NumberFormat = keyof typeof FORMAT_BYTES;

export const isNumberFormat = (text: string): text is NumberFormat =>
  Object.hasOwn(FORMAT_BYTES, text);

/** What the host writes for each of its types. */
export const FORMAT_OF: Readonly<Record<DType, NumberFormat>> = {
  f32: "F32",
  i32: "I32",
  bool: "BOOL",
};

/** IEEE half precision: 1 sign, 5 exponent, 10 fraction bits. Exact in f32. */
export const halfToFloat = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1024 + fraction) * 2 ** (exponent - 25);
};

/** Each of the 65_536: looking one up is a tenth of computing it. */
let halves: Float32Array | undefined;
const allHalves = (): Float32Array =>
  (halves ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToFloat(bits)));

const LARGEST_F32 = 3.4028234663852886e38;
/** f64 values at least this large would round to infinity. */
const ROUNDS_TO_INFINITY = LARGEST_F32 * (1 + 2 ** -25);

/** Reads one element at a byte offset; returns undefined when the host type cannot hold it. */
type Element = (view: DataView, at: number) => number | undefined;
const fits = (value: bigint): number | undefined =>
  value >= -2147483648n && value <= 2147483647n ? Number(value) : undefined;

const READERS: Readonly<
  Record<NumberFormat, { readonly dtype: DType; readonly element: Element } | undefined>
> = {
  BOOL: { dtype: "bool", element: (v, at) => (v.getUint8(at) < 2 ? v.getUint8(at) : undefined) },
  U8: { dtype: "i32", element: (v, at) => v.getUint8(at) },
  I8: { dtype: "i32", element: (v, at) => v.getInt8(at) },
  F8_E4M3: undefined,
  F8_E5M2: undefined,
  I16: { dtype: "i32", element: (v, at) => v.getInt16(at, true) },
  U16: { dtype: "i32", element: (v, at) => v.getUint16(at, true) },
  F16: { dtype: "f32", element: (v, at) => halfToFloat(v.getUint16(at, true)) },
  // NaN payloads may be quieted by the trip through a number; the value stays NaN.
  BF16: {
    dtype: "f32",
    element: (v, at) => {
      const word = new DataView(new ArrayBuffer(4));
      word.setUint32(0, v.getUint16(at, true) << 16);
      return word.getFloat32(0);
    },
  },
  I32: { dtype: "i32", element: (v, at) => v.getInt32(at, true) },
  U32: {
    dtype: "i32",
    element: (v, at) => (v.getUint32(at, true) < 2 ** 31 ? v.getUint32(at, true) : undefined),
  },
  F32: { dtype: "f32", element: (v, at) => v.getFloat32(at, true) },
  I64: { dtype: "i32", element: (v, at) => fits(v.getBigInt64(at, true)) },
  U64: { dtype: "i32", element: (v, at) => fits(v.getBigUint64(at, true)) },
  F64: {
    dtype: "f32",
    element: (v, at) => {
      const x = v.getFloat64(at, true);
      return Number.isFinite(x) && Math.abs(x) >= ROUNDS_TO_INFINITY ? undefined : x;
    },
  },
};

/** What the host makes of a format; undefined where it reads none of it. */
export const hostType = (format: NumberFormat): DType | undefined => READERS[format]?.dtype;

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Bytes of a tensor to host values, or the reason why not. `bytes` is exactly as long as shape and format say. */
export const decodeTensor = (
  format: NumberFormat,
  shape: readonly number[],
  bytes: Uint8Array,
): HostTensor | string => {
  const reader = READERS[format];
  if (reader === undefined)
    return `its format ${format} is not supported; convert it to BF16 or F32`;
  if (littleEndian && (format === "F32" || format === "I32")) {
    // The common case: a copy, which also aligns what a file may have put at any offset. (slice() of Node's Buffer copies nothing.)
    const copy = new Uint8Array(bytes).buffer;
    return {
      dtype: reader.dtype,
      shape,
      data: format === "F32" ? new Float32Array(copy) : new Int32Array(copy),
    };
  }
  const step = FORMAT_BYTES[format];
  const count = bytes.length / step;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const Data = { f32: Float32Array, i32: Int32Array, bool: Uint8Array }[reader.dtype];
  const data = new Data(count);
  if (format === "BF16" && littleEndian) {
    const words = new Uint32Array(data.buffer);
    for (let i = 0; i < count; i += 1) words[i] = view.getUint16(2 * i, true) << 16;
    return { dtype: "f32", shape, data };
  }
  if (format === "F16") {
    const values = allHalves();
    for (let i = 0; i < count; i += 1) data[i] = values[view.getUint16(2 * i, true)]!;
    return { dtype: "f32", shape, data };
  }
  for (let i = 0; i < count; i += 1) {
    const value = reader.element(view, i * step);
    if (value === undefined) return `element ${i} of format ${format} does not fit ${reader.dtype}`;
    data[i] = value;
  }
  return { dtype: reader.dtype, shape, data };
};

/** Host values as little-endian bytes of F32, I32 or BOOL. */
export const encodeTensor = ({ data }: HostTensor): Uint8Array => {
  if (littleEndian || data instanceof Uint8Array) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const bytes = new Uint8Array(data.length * 4);
  const view = new DataView(bytes.buffer);
  data.forEach((value, i) => {
    if (data instanceof Float32Array) view.setFloat32(4 * i, value, true);
    else view.setInt32(4 * i, value, true);
  });
  return bytes;
};

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
const bitsOf = (x: number): number => {
  float[0] = x;
  return word[0]!;
};
/** Drops `count` low bits, at most 16, to nearest, ties to even. */
const dropBits = (bits: number, count: number): number => {
  const half = 1 << (count - 1);
  const kept = bits >>> count;
  const rest = bits & (2 * half - 1);
  return kept + (rest > half || (rest === half && kept % 2 === 1) ? 1 : 0);
};

/** The upper half of an f32, rounded to nearest even; NaN stays NaN. */
const floatToBfloat = (x: number): number => (Number.isNaN(x) ? 0x7fc0 : dropBits(bitsOf(x), 16));

/** IEEE half precision, rounded to nearest even; what is too large becomes infinity. */
export const floatToHalf = (x: number): number => {
  const bits = bitsOf(x);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (Number.isNaN(x)) return 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Below 2^-14 halves lie 2^-24 apart. Scaling by a power of two is exact, and so is the sum that rounds.
  if (magnitude < 0x38800000) {
    const scaled = Math.abs(x) * 2 ** 24;
    return sign | (scaled + 2 ** 52 - 2 ** 52);
  }
  return sign | dropBits(magnitude - 0x38000000, 13);
};

/** From which size on a number is an infinity in a narrower format. */
const BEYOND: Readonly<Partial<Record<NumberFormat, number>>> = {
  F16: 65520,
  BF16: 2 ** 128 - 2 ** 119,
};
/** The first number that a format would make an infinity of. */
export const tooLargeFor = (format: NumberFormat, data: Float32Array): number | undefined => {
  const beyond = BEYOND[format] ?? Infinity;
  for (let i = 0; i < data.length; i += 1) {
    const x = data[i]!;
    if (Math.abs(x) >= beyond && Number.isFinite(x)) return x;
  }
  return undefined;
};

/** Little-endian bytes of floats in a format of floats. */
export const encodeAs = (format: NumberFormat, data: Float32Array): Uint8Array => {
  const out = new Uint8Array(data.length * FORMAT_BYTES[format]);
  const view = new DataView(out.buffer);
  const { length } = data;
  switch (format) {
    case "F32":
      for (let i = 0; i < length; i += 1) view.setFloat32(4 * i, data[i]!, true);
      return out;
    case "F64":
      for (let i = 0; i < length; i += 1) view.setFloat64(8 * i, data[i]!, true);
      return out;
    case "BF16":
      for (let i = 0; i < length; i += 1) view.setUint16(2 * i, floatToBfloat(data[i]!), true);
      return out;
    case "F16":
      for (let i = 0; i < length; i += 1) view.setUint16(2 * i, floatToHalf(data[i]!), true);
      return out;
    default:
      throw new Error(`${format} holds no floats`);
  }
};
