import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBf16 } from "./bf16.ts";

/** A float whose lower half is empty. */
const isBf16 = (x: number): boolean => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getFloat32(0) === x && view.getUint16(2) === 0;
};

describe("bf16", () => {
  it("rounds to nearest, ties to even", () => {
    const ulp = 2 ** -7; // of 1 … 2
    for (const [x, rounded] of [
      [1, 1],
      [1 + ulp / 2, 1],
      [1 + ulp * 0.51, 1 + ulp],
      [1 + ulp * 1.5, 1 + 2 * ulp],
      [-1 - ulp * 1.5, -1 - 2 * ulp],
      [-0, -0],
      [1e-45, 0],
      [Infinity, Infinity],
      [3.4e38, Infinity],
      [3.389e38, (2 - ulp) * 2 ** 127],
    ] as const)
      expect(toBf16(x)).toBe(rounded);
    expect(toBf16(NaN)).toBeNaN();
  });
  it("gives bf16 values, itself on them, within half a unit of the last place", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e30, max: 1e30, noNaN: true }), (x) => {
        const y = toBf16(x);
        expect(isBf16(y)).toBe(true);
        expect(toBf16(y)).toBe(y);
        expect(Math.abs(y - x)).toBeLessThanOrEqual(
          Math.max(Math.abs(x) * 2 ** -8 * 1.0001, 1e-40),
        );
      }),
    );
  });
});
