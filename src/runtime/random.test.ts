// The generator gives the published answers; initial values depend on seed and path and nothing else.
import { expect, test } from "vitest";
import type { StateEntry } from "../bundle/manifest.ts";
import {
  dataOrder,
  drawMask,
  drawNormals,
  fillBernoulli,
  fillNormal,
  philox,
  portableLog,
  randomStream,
  samplingUniforms,
} from "./random.ts";
import { masksFill, normalsFill } from "./wasm-draws.ts";
import { toDisk } from "../bundle/disk.ts";
import { initialValues } from "./state.ts";

test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)("Philox 4x32-10, known answers of its authors %#", (counter, [k0, k1], expected) => {
  const c = Uint32Array.from(counter);
  philox(c, k0, k1);
  expect([...c]).toEqual([...expected]);
});

test("the portable logarithm", () => {
  for (const x of [1e-300, 1e-9, 0.1, 0.5, Math.SQRT1_2, 0.9, 1, 1.1, 2, 1e10]) {
    expect(portableLog(x)).toBeCloseTo(Math.log(x), 12);
  }
});

test("normals have the right moments, and fixed bits", () => {
  const x = new Float32Array(200_001);
  fillNormal(randomStream(42, "blocks.0.attention.q.weight"), x, 0.02);
  const moment = (n: number): number => x.reduce((sum, v) => sum + (v / 0.02) ** n, 0) / x.length;
  expect(Math.abs(moment(1))).toBeLessThan(0.01);
  expect(moment(2)).toBeCloseTo(1, 1);
  expect(Math.abs(moment(3))).toBeLessThan(0.05);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  // Bits, not closeness: this must hold on every engine and in every later version.
  expect([...new Uint32Array(x.buffer, 0, 4)]).toMatchInlineSnapshot(`
    [
      3150539397,
      3165162709,
      1015395306,
      999013445,
    ]
  `);
});

test("WebAssembly draws the same bits", () => {
  // more than the module makes in one go, of odd length; and every key
  for (const [seed, count] of [
    [42, 70_001],
    [-1, 5000],
    [2 ** 52, 5000],
  ] as const) {
    const stream = randomStream(seed, "blocks.0.attention.q.weight");
    const [fast, plain] = [new Float32Array(count), new Float32Array(count)];
    expect(normalsFill()).toBeDefined();
    fillNormal(stream, fast, 0.02);
    drawNormals(stream, plain, 0.02);
    expect(Buffer.from(fast.buffer).equals(Buffer.from(plain.buffer))).toBe(true);

    const [mask, plainMask] = [new Uint8Array(5 * count), new Uint8Array(5 * count)];
    expect(masksFill()).toBeDefined();
    fillBernoulli(stream, mask, 0.3);
    drawMask(stream, plainMask, 0.3 * 2 ** 32);
    expect(Buffer.from(mask).equals(Buffer.from(plainMask))).toBe(true);
  }
});

const entry: StateEntry = {
  name: "head.weight", kind: "param", diskName: "lm_head.weight", dtype: "f32", shape: [3, 5], transposed: false,
  init: { kind: "normal", std: 1, zeroRow: 1 },
}; // prettier-ignore

test("initial values do not depend on the orientation of the engine", () => {
  const plain = initialValues(entry, 7);
  const turned = initialValues({ ...entry, shape: [5, 3], transposed: true }, 7);
  expect(turned.shape).toEqual([5, 3]);
  expect(toDisk({ ...entry, shape: [5, 3], transposed: true }, turned)).toEqual([plain]);
  expect([...plain.data.subarray(5, 10)]).toEqual([0, 0, 0, 0, 0]);
  expect(initialValues(entry, 8).data).not.toEqual(plain.data);
  expect(initialValues({ ...entry, name: "other" }, 7).data).not.toEqual(plain.data);
});

test("masks do not depend on the orientation either, and keep the share they are to", () => {
  const init = { kind: "bernoulli", density: 0.3 } as const;
  const mask: StateEntry = {
    ...entry,
    kind: "mask",
    name: "head.weight/mask",
    dtype: "bool",
    init,
  };
  const kernel = { ...mask, shape: [7, 5, 3, 3] }; // [out, in, h, w]
  for (const [plain, shape] of [
    [{ ...mask, shape: [90, 70] }, [70, 90]],
    [kernel, [3, 3, 5, 7]],
  ] as const) {
    const turned = { ...plain, shape, transposed: true };
    expect(toDisk(turned, initialValues(turned, 7))).toEqual([initialValues(plain, 7)]);
  }
  const data = Array.from(initialValues({ ...mask, shape: [100, 101] }, 7).data);
  const kept = data.reduce((sum, x) => sum + x, 0) / data.length;
  expect(Math.abs(kept - 0.3)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / data.length));
  // the bits of this seed, for good
  expect(data.slice(0, 12).join("")).toBe("110001010010");
});

test("uniform values fill their range evenly", () => {
  const init = { kind: "uniform", bound: 0.25 } as const;
  const data = Array.from(initialValues({ ...entry, shape: [100, 101], init }, 7).data);
  expect(Math.max(...data.map((x) => Math.abs(x)))).toBeLessThanOrEqual(0.25);
  expect(data.reduce((a, b) => a + b, 0) / data.length).toBeCloseTo(0, 2);
  const variance = data.reduce((a, b) => a + b * b, 0) / data.length;
  expect(variance / (0.25 ** 2 / 3)).toBeCloseTo(1, 1);
});

test("data order is a permutation, one for each epoch", () => {
  const order = dataOrder(1, 0, 1000);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(dataOrder(1, 0, 1000)).toEqual(order);
  expect(dataOrder(1, 1, 1000)).not.toEqual(order);
});

test("sampling uniforms spread over [0, 1)", () => {
  const draws = Array.from({ length: 4000 }, (_, i) => samplingUniforms(5, 0)(i));
  expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...draws)).toBeLessThan(1);
  expect(draws.reduce((a, b) => a + b, 0) / draws.length).toBeCloseTo(0.5, 1);
});
