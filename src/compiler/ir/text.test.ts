// Printing and parsing are inverse, up to spans; faults in a text are named with their line.
import fc from "fast-check";
import { expect, it } from "vitest";
import { randomGraph } from "../../../test/helpers/arbitraries-graph.ts";
import { expectSameResults } from "../../../test/helpers/feeds.ts";
import { createBuilder } from "./builder.ts";
import { ops } from "./ops/index.ts";
import { sampleCases } from "./samples.ts";
import { parseGraph, printGraph } from "./text.ts";
import type { OpName } from "./types.ts";
import { verify } from "./verify.ts";

const gate = `graph gate(x: f32[b=2, d=3]) -> y: %3, half: 0.5
  %1 = state "gate" : f32[]
  %2 = mul (silu %1) (stopGradient x) : f32[b=2, d=3]
  %3 = sub x %2 : f32[b=2, d=3]
  update "gate" = (reduceSum %2 axes=[0, 1] keepDims=false)
`;

it("prints the documented form", () => {
  const printed = printGraph(parseGraph(gate));
  expect(printed).toBe(`graph gate(x: f32[b=2, d=3]) -> y: %3, half: 0.5
  %1 = state "gate" : f32[]
  %2 = mul (silu %1) (stopGradient x) : f32[b=2, d=3]
  %3 = sub x %2 : f32[b=2, d=3]
  %4 = reduceSum %2 axes=[0, 1] keepDims=false : f32[]
  update "gate" = %4
`);
});

it("reads state of truth values back as such", () => {
  const masked = `graph g(x: f32[3]) -> y: %2
  %1 = state "w/mask" : bool[3]
  %2 = select %1 x 0 : f32[3]
`;
  const graph = parseGraph(masked);
  expect(printGraph(graph)).toBe(masked);
  expect(verify(graph)).toEqual([]);
});

it("shows where a node came from", () => {
  const b = createBuilder();
  const y = b.at("block", { file: 0, start: 3, end: 5 }, () =>
    b.emit("iota", [], { dtype: "i32", shape: [{ name: "t", size: 3 }], axis: 0 }),
  );
  const graph = { name: "g", inputs: [], outputs: [{ name: "y", node: y }], updates: [] };
  const text = printGraph(graph, {
    where: ({ origin }) => origin && `llama.arch:${origin.start}`,
  });
  expect(text).toBe(
    "graph g() -> y: %1\n  %1 = iota dtype=i32 shape=[t=3] axis=0 : i32[t=3] ; llama.arch:3\n",
  );
  expect(printGraph(parseGraph(text))).toBe(printGraph(graph));
});

const edges: readonly OpName[] = ["input", "state"];
const cases = (Object.keys(ops) as OpName[])
  .filter((op) => !edges.includes(op))
  .flatMap(sampleCases);
it.each(cases)("parses back: $name", ({ graph }) => {
  const { node } = graph.outputs[0]!;
  const again = parseGraph(printGraph(graph));
  expect(printGraph(again)).toBe(printGraph(graph));
  const root = again.outputs[0]!.node;
  expect([root.op, root.attrs, root.type]).toEqual([node.op, node.attrs, node.type]);
});

it("parses back any graph", () => {
  fc.assert(
    fc.property(randomGraph, ({ graph, feeds }) => {
      const text = printGraph(graph);
      const again = parseGraph(text);
      expect(printGraph(again)).toBe(text);
      expect(verify(again)).toEqual([]);
      expectSameResults(graph, again, feeds);
    }),
    { numRuns: 60 },
  );
});

it.each([
  ["graph g(x: f32[2]) -> y: %1\n  %1 = twist x : f32[2]", "IR line 2: expected an op, got twist"],
  [
    "graph g(x: f32[2]) -> y: %1\n  %1 = add x : f32[2]",
    "IR line 2: expected 2 operands of add, got :",
  ],
  [
    "graph g(x: f32[2]) -> y: %1\n  %1 = neg x slope=1 : f32[2]",
    "IR line 2: expected the attributes [] of neg, got :",
  ],
  ["graph g(x: f32[2]) -> y: %1\n  %1 = neg x : f32[3]", "IR %1: says f32[3], is f32[2]"],
  [
    "graph g(x: f32[2]) -> y: %2\n  %1 = neg x : f32[2]",
    "IR line 1: expected a line above, got %2",
  ],
  ["graph g(x: f32[2]) -> y: z", "IR line 1: expected an input, got z"],
  ["graph g(x: f32[2]) ?", 'IR line 1: unexpected "?"'],
])("rejects %j", (text, message) => {
  expect(() => parseGraph(text)).toThrow(message);
});
