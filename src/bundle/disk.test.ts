// Stacks of experts: one state here, one tensor for each expert in files.
import { expect, test } from "vitest";
import { diskNames, diskShape, fromDisk, orientedShape, toDisk } from "./disk.ts";
import type { StateEntry } from "./manifest.ts";

const stack: StateEntry = {
  name: "blocks.0.ffn.experts.up.weight", kind: "param", diskName: "mlp.experts.{}.up_proj.weight", dtype: "f32",
  shape: [2, 3, 4], transposed: true, init: { kind: "constant", value: 0 },
}; // prettier-ignore
const held = {
  dtype: "f32",
  shape: [2, 3, 4],
  data: Float32Array.from({ length: 24 }, (_, i) => i),
} as const;

test("a stack has a name and a turned matrix for each of its places", () => {
  expect(diskNames(stack)).toEqual([
    "mlp.experts.0.up_proj.weight",
    "mlp.experts.1.up_proj.weight",
  ]);
  expect(orientedShape(stack)).toEqual([2, 4, 3]);
  expect(diskShape(stack)).toEqual([4, 3]);
  const [first, second] = toDisk(stack, held);
  expect(first).toEqual({
    dtype: "f32",
    shape: [4, 3],
    data: Float32Array.of(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11),
  });
  expect(second!.data[0]).toBe(12);
});
test.each([true, false])("what goes to disk comes back, transposed: %s", (transposed) => {
  const entry = { ...stack, transposed };
  expect(fromDisk(entry, toDisk(entry, held))).toEqual(held);
  const one = { ...entry, diskName: "w", shape: [6, 4] };
  expect(fromDisk(one, toDisk(one, { ...held, shape: [6, 4] }))).toEqual({
    ...held,
    shape: [6, 4],
  });
});
test("a stack that is not complete is refused", () => {
  expect(() => fromDisk(stack, toDisk(stack, held).slice(1))).toThrow("1 tensors");
});
