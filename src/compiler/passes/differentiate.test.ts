// Gradients to nodes inside the graph, not only to its leaves.
import { expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import { differentiate } from "./differentiate.ts";

it("reaches a node that stands after an op differentiated through its expansion", () => {
  const b = createBuilder();
  const w = b.emit("input", [], { name: "w", dtype: "f32", shape: [] });
  const t = b.emit("tanh", [b.emit("gelu", [w], { approximate: "none" })], {});
  const [dt] = differentiate(b, b.emit("mul", [t, t], {}), [t]);
  const values = evaluateNodes([t, dt!], { inputs: { w: [0.9] }, state: {} });
  expect(values.get(dt!)![0]).toBeCloseTo(2 * values.get(t)![0]!, 12);
});
