// Little-endian bytes of tensors: the weights format of TensorFlow.js (a bool is one byte).
import type { DType } from "../../../bundle/manifest.ts";

export const littleEndian = (values: ArrayLike<number>, dtype: DType): Uint8Array => {
  const bytes = new Uint8Array(values.length * (dtype === "bool" ? 1 : 4));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++)
    if (dtype === "bool") bytes[i] = values[i]!;
    else if (dtype === "i32") view.setInt32(4 * i, values[i]!, true);
    else view.setFloat32(4 * i, values[i]!, true);
  return bytes;
};

export const joined = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
