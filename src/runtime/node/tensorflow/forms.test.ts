// What is compiled where.
import { expect, it } from "vitest";
import type { Manifest } from "../../../bundle/manifest.ts";
import { isTraining } from "../../../bundle/saved-model.ts";
import { formsFor } from "./forms.ts";

const entry = (name: string, flops: number, writes: readonly string[]) => ({
  ...{ name, inputs: [], scalars: {}, outputs: [], reads: [], writes, peakBytes: 0, flops },
});
type Facts = Parameters<typeof formsFor>[0];
const bundle = (flops: number, totalSteps: number, rest: Partial<Facts> = {}): Facts => ({
  programs: [entry("train_step", flops, ["w"])],
  training: { batch: 8, micro: 8, totalSteps },
  ...{ cardKernels: [], numerics: { deterministic: false } },
  ...rest,
});
const fused: Partial<Facts> = { cardKernels: ["cudnn-attention"] };

it("compiles everything on a card, with its kernels where the bundle has a place for them", () => {
  const compiled = { training: "xla", others: "xla", groups: true };
  expect(formsFor(bundle(1, 1), true, { useKernels: true })).toEqual(compiled);
  const withKernels = { training: "cudnn", others: "cudnn", groups: true };
  expect(formsFor(bundle(1, 1, fused), true, { useKernels: true })).toEqual(withKernels);
  expect(formsFor(bundle(1, 1, fused), true, { useKernels: false })).toEqual(compiled);
  const repeats = { ...fused, numerics: { deterministic: true } };
  expect(formsFor(bundle(1, 1, repeats), true, { useKernels: true })).toEqual(compiled);
});

it("compiles long trainings on a CPU, and there nothing else", () => {
  const plain = { training: "plain", others: "plain", groups: false };
  expect(formsFor(bundle(1e9, 9999), false, { useKernels: true })).toEqual(plain);
  expect(formsFor(bundle(1e9, 10_000), false, { useKernels: true })).toEqual({
    ...plain,
    training: "xla",
  });
  expect(formsFor(bundle(1e9, 1e6, { training: null }), false, { useKernels: true })).toEqual(
    plain,
  );
});

it("counts all passes of an update", () => {
  const passes = bundle(0, 10_000, {
    programs: [entry("accumulate", 1e9 / 4, ["w/sum"]), entry("apply", 0, ["w"])],
    training: { batch: 8, micro: 2, totalSteps: 10_000 },
  });
  expect(formsFor(passes, false, { useKernels: true }).training).toBe("xla");
});

it("does for every program what the user wants", () => {
  const all = { training: "xla", others: "xla", groups: true };
  expect(formsFor(bundle(1, 1), false, { xla: true, useKernels: true })).toEqual(all);
  const none = { training: "plain", others: "plain", groups: false };
  expect(formsFor(bundle(1e9, 1e6), false, { xla: false, useKernels: true })).toEqual(none);
  expect(formsFor(bundle(1, 1), true, { xla: false, useKernels: true })).toEqual(none);
});

it("takes a program for training by what it writes", () => {
  const state: Pick<Manifest, "state">["state"] = (
    ["param", "accumulator", "cache", "buffer"] as const
  ).map((kind) => ({
    ...{ name: kind, kind, diskName: kind, dtype: "f32", shape: [], transposed: false },
    init: { kind: "constant", value: 0 },
  }));
  const trains = (writes: readonly string[]): boolean =>
    isTraining(entry("p", 0, writes), { state });
  expect(trains(["param"])).toBe(true);
  expect(trains(["accumulator"])).toBe(true);
  expect(trains(["cache"])).toBe(false);
  expect(trains([])).toBe(false);
});
