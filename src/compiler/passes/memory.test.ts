// Peaks worked out by hand; views cost nothing, and an estimate never exceeds the sum of everything.
import fc from "fast-check";
import { expect, it } from "vitest";
import { randomGraph } from "../../../test/helpers/arbitraries-graph.ts";
import { bytes } from "../ir/ops/row.ts";
import { parseGraph } from "../ir/text.ts";
import { nodesOf } from "../ir/walk.ts";
import { memoryEstimate } from "./memory.ts";

it("frees a result after its last reader", () => {
  // x 40, w 40 stay; at each step of the chain operand and result live: + 80.
  const chain =
    'graph g(x: f32[10]) -> y: %5\n  %1 = state "w" : f32[10]\n  %2 = add x %1 : f32[10]\n  %3 = neg %2 : f32[10]\n  %4 = exp %3 : f32[10]\n  %5 = tanh %4 : f32[10]\n';
  expect(memoryEstimate(parseGraph(chain))).toEqual({ peakBytes: 160, stateBytes: 40 });
});

it("keeps what is read later, through views too", () => {
  // %1 40 lives under its view until the end: x 40 + %1 40 + %3 40 + y 40.
  const view =
    "graph g(x: f32[10]) -> y: %4\n  %1 = neg x : f32[10]\n  %2 = reshape %1 shape=[10] : f32[10]\n  %3 = exp x : f32[10]\n  %4 = add %3 %2 : f32[10]\n";
  expect(memoryEstimate(parseGraph(view)).peakBytes).toBe(160);
});

it("lies between the state and the sum of all results", () => {
  fc.assert(
    fc.property(randomGraph, ({ graph }) => {
      const { peakBytes, stateBytes } = memoryEstimate(graph);
      const all = nodesOf(graph).reduce((n, node) => n + bytes(node.type), 0);
      expect(stateBytes).toBeLessThan(peakBytes);
      expect(peakBytes).toBeLessThanOrEqual(all);
    }),
    { numRuns: 40 },
  );
});
