// bfloat16: the upper half of a float32, 8 bits of precision and the same range.

const word = new DataView(new ArrayBuffer(4));

/** The nearest bf16, of two equally near the one that ends in 0; too large numbers become infinite, NaN stays NaN. */
export const toBf16 = (x: number): number => {
  if (Number.isNaN(x)) return x;
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  word.setUint32(0, (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  return word.getFloat32(0);
};
