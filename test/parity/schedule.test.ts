// Learning-rate multipliers against the official GPAS scheduler, and the shapes of the others.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { schedule } from "../../src/compiler/model/schedule.ts";
import { readJson } from "./golden.ts";

const steps = (value: number) => ({ unit: "step", value });
interface Row {
  readonly num_training_steps: number;
  readonly warmup_steps: number;
  readonly min_lr_ratio: number;
  readonly multiplier_by_scheduler_index: readonly number[];
}
const { rows } = readJson("gpas/schedule.json") as { readonly rows: readonly Row[] };

describe("cosine", () => {
  it.each(rows)("equals the official multipliers over $num_training_steps updates", (row) => {
    const N = row.num_training_steps;
    const expr = schedule(
      { is: "cosine", warmup: steps(row.warmup_steps), floor: row.min_lr_ratio },
      N,
    );
    // Update k = 1 … N uses index k - 1; index N belongs to the next cycle of the official code.
    for (let k = 1; k <= N; k++) {
      const wanted = row.multiplier_by_scheduler_index[k - 1];
      if (wanted !== undefined) expect(evaluateScalar(expr, k)).toBeCloseTo(wanted, 12);
    }
  });
  it("starts at 0, peaks after the warm-up, is halfway in the middle of the decay", () => {
    const expr = schedule({ is: "cosine", warmup: { unit: "%", value: 0.1 }, floor: 0.1 }, 1000);
    expect([1, 101, 551].map((k) => evaluateScalar(expr, k))).toEqual([0, 1, 0.55]);
    expect(evaluateScalar(expr, 1000)).toBeCloseTo(0.1, 5);
  });
});

describe("the others", () => {
  const at = (spec: Parameters<typeof schedule>[0], k: number): number =>
    evaluateScalar(schedule(spec, 100), k);
  it("constant stays", () => {
    const spec = { is: "constant", warmup: steps(10) };
    expect([1, 6, 11, 100].map((k) => at(spec, k))).toEqual([0, 0.5, 1, 1]);
    expect(at({ is: "constant", warmup: steps(0) }, 1)).toBe(1);
  });
  it("linear falls to the floor", () => {
    const spec = { is: "linear", warmup: steps(0), floor: 0 };
    expect([1, 51, 101].map((k) => at(spec, k))).toEqual([1, 0.5, 0]);
  });
  it("wsd is stable, then decays", () => {
    const spec = { is: "wsd", warmup: steps(10), decay: { unit: "%", value: 0.2 }, floor: 0 };
    expect([1, 11, 80, 81, 91, 101].map((k) => at(spec, k))).toEqual([0, 1, 1, 1, 0.5, 0]);
  });
  it("multi_step falls at each of its steps", () => {
    const spec = {
      ...{ is: "multi_step", warmup: steps(0), factor: 0.5 },
      at: [{ unit: "%", value: 0.25 }, steps(50), { unit: "%", value: 0.75 }],
    };
    expect([1, 25, 26, 50, 51, 75, 76, 100].map((k) => at(spec, k))).toEqual([
      1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125,
    ]);
    expect([1, 6, 11, 26].map((k) => at({ ...spec, warmup: steps(10) }, k))).toEqual([
      0, 0.5, 1, 0.5,
    ]);
  });
});
