// Types, shapes, tensors and attributes as TensorFlow's messages hold them.
import { toBf16 } from "../../ir/bf16.ts";
import type { Attr, TensorDType, TfType } from "../tf-nodes.ts";
import type { AttrValue, Shape, Tensor } from "./messages.ts";

/** DataType of types.proto. */
export const TYPE: Readonly<Record<TfType, number>> = {
  f32: 1,
  f64: 2,
  bf16: 14,
  i32: 3,
  bool: 10,
  resource: 20,
};

export const shapeOf = (shape: readonly number[]): Shape => ({
  dim: shape.map((size) => ({ size })),
});

/** Little-endian, as TensorFlow wants `tensor_content` on every machine that it supports. */
const CONTENT: Readonly<Record<TensorDType, (values: readonly number[]) => Uint8Array>> = {
  f32: (values) => words(values, (view, at, x) => view.setFloat32(at, x, true)),
  bf16: (values) => CONTENT.f32(values.map(toBf16)).filter((_, byte) => byte % 4 > 1), // the upper halves
  i32: (values) => words(values, (view, at, x) => view.setInt32(at, x, true)),
  bool: (values) => Uint8Array.from(values, (x) => (x === 0 ? 0 : 1)),
};
const words = (
  values: readonly number[],
  set: (view: DataView, at: number, x: number) => void,
): Uint8Array => {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((x, i) => set(view, 4 * i, x));
  return bytes;
};

const tensorOf = (
  dtype: TensorDType,
  shape: readonly number[],
  values: readonly number[],
): Tensor => ({
  dtype: TYPE[dtype],
  tensorShape: shapeOf(shape),
  tensorContent: CONTENT[dtype](values),
});

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export const attrOf = (attr: Attr): AttrValue => {
  if ("type" in attr) return { type: TYPE[attr.type] };
  if ("int" in attr) return { i: attr.int };
  if ("float" in attr) return { f: attr.float };
  if ("bool" in attr) return { b: attr.bool };
  if ("string" in attr) return { s: utf8(attr.string) };
  if ("bytes" in attr) return { s: attr.bytes };
  if ("shape" in attr) return { shape: shapeOf(attr.shape) };
  if ("tensor" in attr)
    return { tensor: tensorOf(attr.tensor.dtype, attr.tensor.shape, attr.tensor.values) };
  if ("function" in attr) return { func: { name: attr.function } };
  if ("types" in attr) return { list: { type: attr.types.map((type) => TYPE[type]) } };
  if ("ints" in attr) return { list: { i: attr.ints } };
  if ("strings" in attr) return { list: { s: attr.strings.map(utf8) } };
  if ("shapes" in attr) return { list: { shape: attr.shapes.map(shapeOf) } };
  return { list: { func: attr.functions.map((name) => ({ name })) } };
};
