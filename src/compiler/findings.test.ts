// What of a training's measures is told: collapsed routers, idle experts and gates that run away; nothing where all is well.
import { describe, expect, test } from "vitest";
import { analyzeText } from "./analyze.ts";
import { findingsOf } from "./findings.ts";
import type { ModelSpec } from "./semantics/spec.ts";

const modelOf = (ffn: string, scaling = "none"): ModelSpec => {
  const text = `spec 1

model M {
  vocab_size  = 64
  hidden_size = 16
  context     = 16

  blocks 2 {
    norm      = pre(rmsnorm())
    attention = mha(heads: 2)
    ffn       = ${ffn}
    scaling   = ${scaling}
  }
}
`;
  const { spec, diagnostics } = analyzeText("m.arch", text);
  const model = spec?.models["M"];
  if (model === undefined) throw new Error(diagnostics.map((d) => d.message).join("\n"));
  return model;
};
const told = (
  model: ModelSpec,
  [quantity, place]: readonly [string, string],
  ...values: readonly (number | readonly number[])[]
): readonly string[] => {
  const measured = values.map((value, i) => ({ step: 10 * (i + 1), value }));
  const found = findingsOf(model, [{ quantity, place, values: measured }]);
  for (const { step } of found) expect(step).toBe(10 * values.length);
  return found.map(({ text }) => text);
};

describe("experts", () => {
  const load = ["load", "blocks.1.ffn"] as const;
  const moe = (topK: number): ModelSpec =>
    modelOf(`moe(experts: 4, top_k: ${topK}, intermediate: 8)`);
  test("of a router that chooses the same ones for all tokens", () => {
    expect(told(moe(1), load, [0.01, 0.95, 0.02, 0.02])).toEqual([
      "95.00% of all choices fall on 1 of 4 experts: 1",
    ]);
    expect(told(moe(2), load, [0.49, 0.01, 0.01, 0.49])).toEqual([
      "98.00% of all choices fall on 2 of 4 experts: 0, 3",
    ]);
    // an even use of 3 of 4 is 75 % for the busiest 3
    expect(told(moe(3), load, [0.3, 0.3, 0.3, 0.1])).toEqual([]);
    expect(told(moe(4), load, [0.25, 0.25, 0.25, 0.25])).toEqual([]);
    expect(told(moe(1), load, [0.6, 0.2, 0.1, 0.1])).toEqual([]);
  });
  test("of those that nobody visits, once more than one batch says so", () => {
    const some = [0.2, 0.4, 0.2, 0.2];
    const idle = [0.4, 0.6, 0, 0];
    expect(told(moe(1), load, some, idle)).toEqual([]);
    expect(told(moe(1), load, some, some, idle, idle)).toEqual([
      "2 of 4 experts got no token in any batch told since step 30: 2, 3",
    ]);
  });
  test("each iteration of a chain, in a head's block too", () => {
    const coe = modelOf("coe(experts: 4, top_k: 1, intermediate: 8)");
    for (const place of ["blocks.0.ffn.1", "heads.1.blocks.1.ffn.0"])
      expect(told(coe, ["load", place], [0, 0, 0, 1])).toHaveLength(1);
  });
  test("what is not of this model is passed over", () => {
    expect(told(modelOf("swiglu(intermediate: 8)"), load, [0, 0, 0, 1])).toEqual([]);
    expect(told(moe(1), ["load", "blocks.7.ffn"], [0, 0, 0, 1])).toEqual([]);
    expect(told(moe(1), ["load", "elsewhere"], [0, 0, 0, 1])).toEqual([]);
    expect(told(moe(1), load, [0, 1], 3)).toEqual([]);
  });
});

describe("gates", () => {
  const gate = ["gates", "blocks.0.gpas.gate"] as const;
  const gpas = (f: string): ModelSpec => modelOf("swiglu(intermediate: 8)", `gpas(gate: ${f})`);
  test("by what they leave of what they scale, whatever their function", () => {
    const silu = gpas("silu");
    for (const value of [-9, -0.5, 0, 0.8, 1.17]) expect(told(silu, gate, value)).toEqual([]);
    expect(told(silu, gate, 0, 1.25)).toEqual(["keeps 2.84% of what it scales (gate 1.25)"]);
    expect(told(silu, gate, 2)).toEqual([
      "turns the sign of what it scales and keeps 76.16% of it (gate 2)",
    ]);
    expect(told(gpas("tanh"), gate, 2)).toEqual(["keeps 3.60% of what it scales (gate 2)"]);
    expect(told(gpas("identity"), gate, -1.5)).toEqual([
      "makes what it scales 2.5 times as large (gate -1.5)",
    ]);
  });
  test("the last value counts", () => {
    expect(told(gpas("silu"), gate, 2, 0.1)).toEqual([]);
  });
});
