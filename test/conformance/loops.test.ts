// Loop specs on both devices against plain sums over indices: windows, broadcasts, permuted reads, tails, reductions.
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/bundle/tensor.ts";
import type { Access, Line, LoopSpec, Opcode } from "../../src/bundle/kernels.ts";
import { OPCODES } from "../../src/bundle/kernels.ts";
import { openDevice } from "../../src/runtime/engines/tfjs.ts";

const f32 = (offset: number, ...strides: readonly number[]): Access => ({
  dtype: "f32",
  offset,
  strides,
});
const copy = (dims: readonly number[], from: Access, to: Access, shape = dims): LoopSpec => ({
  ...{ shape, dims, loads: [from], code: [], store: to },
});
const SPECS: Readonly<Record<string, LoopSpec>> = {
  flat: copy([11], f32(0, 1), f32(0, 1)),
  "a transpose": copy([5, 7], f32(0, 1, 5), f32(0, 7, 1)),
  "a permutation": copy([3, 2, 6], f32(0, 6, 18, 1), f32(0, 12, 6, 1)),
  "a window": copy([3, 5], f32(2, 9, 1), f32(0, 5, 1)),
  "into a window": copy([3, 5], f32(0, 5, 1), f32(3, 9, 1), [3, 9]),
  "a broadcast column": copy([4, 6], f32(0, 1, 0), f32(0, 6, 1)),
  "a sum of rows": {
    ...copy([3, 10], f32(0, 10, 1), f32(0, 1, 0), [3]),
    reduce: { kind: "sum", over: [false, true], scale: 0.1 },
  },
  "a sum of columns": {
    ...copy([10, 23], f32(0, 23, 1), f32(0, 0, 1), [23]),
    reduce: { kind: "sum", over: [true, false], scale: 1 },
  },
  "a largest of rows": {
    ...copy([3, 2, 7], f32(0, 14, 7, 1), f32(0, 1, 0, 0), [3]),
    reduce: { kind: "max", over: [false, true, true], scale: 1 },
  },
  "a sum of middles": {
    ...copy([2, 5, 6], f32(0, 30, 6, 1), f32(0, 6, 0, 1), [2, 6]),
    reduce: { kind: "sum", over: [false, true, false], scale: 1 },
  },
};

const expected = (spec: LoopSpec, from: Float32Array): Float32Array => {
  const result = new Float32Array(sizeOf(spec.shape)).fill(
    spec.reduce?.kind === "max" ? -Infinity : 0,
  );
  for (let i = 0; i < sizeOf(spec.dims); i++) {
    let rest = i;
    const index = spec.dims.map((_, d) => {
      const inner = sizeOf(spec.dims.slice(d + 1));
      const at = Math.floor(rest / inner);
      rest -= at * inner;
      return at;
    });
    const place = (access: Access): number =>
      access.strides.reduce((sum, s, d) => sum + s * index[d]!, access.offset);
    const value = from[place(spec.loads[0]!)]!;
    const to = place(spec.store);
    if (spec.reduce === undefined) result[to] = value;
    else
      result[to] =
        spec.reduce.kind === "max"
          ? Math.max(result[to]!, value)
          : result[to]! + value * spec.reduce.scale;
  }
  return result;
};

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  -2.5,
  3.75,
  1e-6,
  -1e-6,
  20,
  -20,
  88.5,
  -87.5,
  100,
  -110,
  1e30,
  -1e30,
  Infinity,
  -Infinity,
  NaN,
];
const exact: Readonly<Partial<Record<Opcode, (x: number) => number>>> = {
  exp: Math.exp, log: Math.log, tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)), sqrt: Math.sqrt, abs: Math.abs, neg: (x) => -x,
}; // prettier-ignore

describe.each(["wasm", "cpu"] as const)("loops on %s", async (name) => {
  const device = await openDevice(name, undefined);
  const { kernels: k, values } = device;
  const from = Float32Array.from({ length: 256 }, (_, i) => Math.fround(Math.sin(i * 1.7) * 3));
  it.each(Object.entries(SPECS))("%s", (_, spec) => {
    const before = device.liveBuffers();
    const x = k.constant([...from], [256], "f32");
    const y = k.filled(0, spec.shape, "f32");
    k.loopInto(spec, y, [x], "test");
    const wanted = expected(spec, from);
    const got = values(y).slice();
    wanted.forEach((value, i) => expect(got[i], `element ${i}`).toBeCloseTo(value, 5));
    k.free(x);
    k.free(y);
    expect(device.liveBuffers()).toBe(before);
  });
  it.each(Object.keys(exact) as Opcode[])("%s of ordinary and special values", (op) => {
    const code: Line[] = [[op, 0]];
    const spec: LoopSpec = { ...copy([SPECIAL.length], f32(0, 1), f32(0, 1)), code };
    const x = k.constant(SPECIAL, [SPECIAL.length], "f32");
    const y = k.loop(spec, [x], op);
    const got = values(y).slice();
    SPECIAL.forEach((value, i) => {
      const wanted = Math.fround(exact[op]!(Math.fround(value)));
      if (Number.isFinite(wanted) && wanted !== 0)
        expect(
          Math.abs(got[i]! - wanted) / Math.max(Math.abs(wanted), 0.01),
          `${op}(${value}) = ${got[i]}`,
        ).toBeLessThan(1e-5);
      else expect(got[i]! + 0, `${op}(${value})`).toBe(wanted + 0);
    });
    k.free(x);
    k.free(y);
  });
  it("has all opcodes", () => {
    const operands = { f: [1.5, -2], i: [3, -4], m: [1, 0] } as const;
    const types = { f: "f32", i: "i32", m: "bool" } as const;
    for (const op of Object.keys(OPCODES) as Opcode[]) {
      const kinds = Array.from(OPCODES[op]) as ("f" | "i" | "m")[];
      const result = kinds.pop()!;
      const loads = kinds.map((kind) => k.constant(operands[kind], [2], types[kind]));
      const access = (kind: "f" | "i" | "m"): Access => ({
        dtype: types[kind],
        offset: 0,
        strides: [1],
      });
      const line: Line =
        kinds.length === 1 ? [op, 0] : kinds.length === 2 ? [op, 0, 1] : [op, 0, 1, 2];
      const y = k.loop(
        { shape: [2], dims: [2], loads: kinds.map(access), code: [line], store: access(result) },
        loads,
        op,
      );
      expect(values(y).length, op).toBe(2);
      for (const x of [...loads, y]) k.free(x);
    }
  });
});
