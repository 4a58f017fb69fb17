// The inputs of passes as those of one whole step.
import { expect, test } from "vitest";
import { joined } from "./step.ts";

test("images of several passes lie one after the other, as the numbers they are", () => {
  const part = (...values: number[]) => ({
    ...{ dtype: "f32" as const, shape: [1, 2, 1, 1] },
    data: Float32Array.from(values),
  });
  expect(joined([part(0.25, 0.5), part(0.75, 1)])).toEqual({
    ...{ dtype: "f32", shape: [2, 2, 1, 1] },
    data: Float32Array.of(0.25, 0.5, 0.75, 1),
  });
  const ids = { dtype: "i32" as const, shape: [1], data: Int32Array.of(7) };
  expect(joined([ids, ids])).toEqual({ dtype: "i32", shape: [2], data: Int32Array.of(7, 7) });
});
