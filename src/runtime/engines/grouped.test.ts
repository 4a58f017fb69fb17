// The work of grouped products is that of the rows that have a group, however many groups there are.
import { describe, expect, it } from "vitest";
import { groupedKernels } from "./grouped.ts";
import type { Handle } from "./handles.ts";

/** An engine of plain arrays that notes its products. */
const noting = () => {
  const data = new Map<object, Float32Array | Int32Array>();
  const made = (shape: readonly number[], values: Float32Array | Int32Array): Handle => {
    const dataId = {};
    data.set(dataId, values);
    return { dataId, shape: [...shape], dtype: values instanceof Int32Array ? "int32" : "float32" };
  };
  const values = (x: Handle) => data.get(x.dataId)!;
  const products: (readonly [m: number, k: number, n: number])[] = [];
  const kernels = groupedKernels({
    allocate: (shape) => made(shape, new Float32Array(shape.reduce((n, d) => n * d, 1))),
    values,
    free: (x) => void data.delete(x.dataId),
    multiply: (x, y, to, sizes) => {
      products.push(sizes);
      const [m, k, n] = sizes;
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let l = 0; l < k; l++)
            sum += values(x.of)[x.at + i * k + l]! * values(y.of)[y.at + l * n + j]!;
          values(to.of)[to.at + i * n + j] = sum;
        }
    },
  });
  return { data, made, values, products, kernels };
};
const [K, N] = [3, 2];
const noise = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(1 + 1.7 * i + seed));

describe.each([2, 8, 500])("of %d groups", (groups) => {
  // one group takes half, the last nothing, and some rows have none
  const at = Int32Array.from({ length: 40 }, (_, i) =>
    i % 2 === 0 ? 0 : i % 10 === 1 ? -1 : i % (groups - 1),
  );
  const rows = [...at].filter((g) => g >= 0).length;
  const sizes = { groups, rows: at.length, xEach: 1, yEach: 1 };

  it("a product multiplies each row once, and lets idle matrices lie", () => {
    const { made, values, products, kernels, data } = noting();
    const [x, w] = [noise(at.length * K, 0), noise(groups * K * N, 1)];
    const inputs = [
      made([at.length, K], x),
      made([groups, K, N], w),
      made([at.length], at),
    ] as const;
    const result = kernels.grouped(...inputs, { ...sizes, widths: [K, N] }, [at.length, N], "y");
    expect(products.reduce((sum, [m]) => sum + m, 0)).toBe(rows);
    expect(products.length).toBe(new Set([...at].filter((g) => g >= 0)).size);
    at.forEach((g, a) => {
      for (let n = 0; n < N; n++) {
        let sum = 0;
        if (g >= 0) for (let k = 0; k < K; k++) sum += x[a * K + k]! * w[(g * K + k) * N + n]!;
        expect(values(result)[a * N + n]).toBeCloseTo(sum, 5);
      }
    });
    expect(data.size).toBe(inputs.length + 1);
  });
  it("a gradient of the matrices does so too", () => {
    const { made, values, products, kernels, data } = noting();
    const [x, y] = [noise(at.length * K, 0), noise(at.length * N, 1)];
    const inputs = [
      made([at.length, K], x),
      made([at.length, N], y),
      made([at.length], at),
    ] as const;
    const shape = [groups, K, N];
    const result = kernels.groupedOuter(...inputs, { ...sizes, widths: [K, N] }, shape, "dw");
    expect(products.reduce((sum, [, k]) => sum + k, 0)).toBe(rows);
    for (const g of [0, groups - 1])
      for (let i = 0; i < K * N; i++) {
        const [k, n] = [Math.floor(i / N), i % N];
        const sum = [...at].reduce(
          (s, own, a) => (own === g ? s + x[a * K + k]! * y[a * N + n]! : s),
          0,
        );
        expect(values(result)[g * K * N + i]).toBeCloseTo(sum, 5);
      }
    expect(data.size).toBe(inputs.length + 1);
  });
});
