// The inputs of passes as those of one whole step, what several passes give as one, and which updates measure.
import { expect, test } from "vitest";
import { toyManifest } from "../toy.test.helper.ts";
import { isProbed, joined, nextProbed, resultOf } from "./step.ts";

const f32 = (...values: number[]) => ({
  ...{ dtype: "f32" as const, shape: [values.length] },
  data: Float32Array.from(values),
});
test("of what several passes give, the mean counts", () => {
  const passes = [1, 2].map((x) => ({ loss: f32(x), "metrics/load": f32(x, 3 * x) }));
  const { loss, gradNorm, outputs } = resultOf([...passes, { grad_norm: f32(5) }]);
  expect([loss, gradNorm]).toEqual([1.5, 5]);
  expect(outputs["metrics/load"]).toEqual(f32(1.5, 4.5));
});
test("the first update measures, then every so many; none where nothing is asked for", () => {
  const manifest = toyManifest({ training: { probeEvery: 4 } });
  const steps = Array.from({ length: 9 }, (_, i) => i + 1);
  expect(steps.filter((step) => isProbed(manifest, step))).toEqual([1, 4, 8]);
  expect([2, 4, 5].map((step) => nextProbed(manifest, step))).toEqual([4, 4, 8]);
  expect(steps.some((step) => isProbed(toyManifest(), step))).toBe(false);
});

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
