// What plain float64 loops of several rows share. They are written from the formulas of the docs, apart from expansions, and
// the tests compare the two.

/** f of each row of the last axis, one behind the other. */
export const byRow = (
  x: Float64Array,
  width: number,
  f: (row: Float64Array, i: number) => ArrayLike<number>,
): Float64Array => {
  const rows = Array.from({ length: x.length / width }, (_, i) =>
    f(x.subarray(i * width, (i + 1) * width), i),
  );
  const wide = rows[0]?.length ?? 0;
  const out = new Float64Array(rows.length * wide);
  rows.forEach((row, i) => out.set(row, i * wide));
  return out;
};

export const sum = (x: Float64Array): number => x.reduce((n, v) => n + v, 0);
export const mean = (x: Float64Array): number => sum(x) / x.length;
export const largest = (x: Float64Array): number => x.reduce((n, v) => Math.max(n, v), -Infinity);

/** log Σ e^x; -Infinity of no numbers. */
export const logSumExp = (x: Float64Array): number => {
  const top = largest(x);
  return top === -Infinity ? top : top + Math.log(sum(x.map((v) => Math.exp(v - top))));
};
