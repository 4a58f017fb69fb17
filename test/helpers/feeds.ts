// Values for a graph's inputs and state, and comparing what two graphs make of them.
import { expect } from "vitest";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import type { Graph } from "../../src/compiler/ir/types.ts";

export interface Feeds {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly state: Readonly<Record<string, readonly number[]>>;
}

/** Both graphs give the same results in float64, up to the rounding that another order of operations causes. */
export const expectSameResults = (a: Graph, b: Graph, feeds: Feeds): void => {
  const [before, after] = [evaluate(a, feeds), evaluate(b, feeds)];
  for (const kind of ["outputs", "updates"] as const) {
    expect(Object.keys(after[kind])).toEqual(Object.keys(before[kind]));
    for (const [name, { shape, data }] of Object.entries(before[kind])) {
      const got = after[kind][name]!;
      expect(got.shape).toEqual(shape);
      data.forEach((v, i) =>
        expect(Math.abs(got.data[i]! - v)).toBeLessThan(1e-9 * Math.max(1, Math.abs(v))),
      );
    }
  }
};
