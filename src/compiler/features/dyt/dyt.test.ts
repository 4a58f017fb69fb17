// Dynamic Tanh is its formula.
import { expect, it } from "vitest";
import { createBuilder } from "../../ir/builder.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { createStage } from "../../model/kinds.ts";
import { normalise } from "../../model/norms.ts";
import { createParameters } from "../../model/parameters.ts";
import { dyt } from "./index.ts";

it("is weight ⊙ tanh(alpha · x) + bias, element by element", () => {
  const b = createBuilder();
  const params = createParameters(b);
  const shape = [
    { name: "t", size: 2 },
    { name: "d", size: 3 },
  ];
  const x = b.emit("input", [], { name: "x", dtype: "f32", shape });
  const stage = createStage(b, params, [dyt]);
  const node = normalise(stage, { is: "dyt", alpha: 0.5 }, x, { path: "norm", disk: "norm" });
  const values = [-2, -0.1, 0, 0.3, 1, 5];
  const state = { "norm.alpha": [0.7], "norm.weight": [1, 2, -3], "norm.bias": [0, 0.5, 1] };
  const graph = { name: "g", inputs: [x], outputs: [{ name: "y", node }], updates: [] };
  const found = evaluate(graph, { inputs: { x: values }, state }).outputs["y"]!.data;
  found.forEach((y, i) =>
    expect(y).toBeCloseTo(
      state["norm.weight"][i % 3]! * Math.tanh(0.7 * values[i]!) + state["norm.bias"][i % 3]!,
      6,
    ),
  );
  expect(params.list().map((p) => [p.name, p.init])).toEqual([
    ["norm.alpha", { kind: "constant", value: 0.5 }],
    ["norm.weight", { kind: "constant", value: 1 }],
    ["norm.bias", { kind: "constant", value: 0 }],
  ]);
});
