// The driver: bottom-up to a fixpoint, and rules that change types or never end are faults of the compiler.
import { expect, it } from "vitest";
import { rewriteGraph, rule } from "./rewrite.ts";
import { parseGraph, printGraph } from "./text.ts";

const graph = parseGraph("graph g(x: f32[2]) -> y: %1\n  %1 = neg (tanh (tanh x)) : f32[2]\n");
const none = {} as const;

it("applies rules to what rules make", () => {
  const rules = [
    rule("tanh-sin", "", ["tanh"], (b, { inputs: [x] }) => b.emit("sin", [x], none)),
    rule("neg-sin-cos", "", ["neg"], (b, { inputs: [x] }) =>
      x.op === "sin" ? b.emit("cos", [x.inputs[0]], none) : undefined,
    ),
  ];
  expect(printGraph(rewriteGraph(graph, rules))).toBe(
    "graph g(x: f32[2]) -> y: %1\n  %1 = cos (sin x) : f32[2]\n",
  );
});

it("rejects a rule that changes the type", () => {
  const flat = rule("flat", "", ["neg"], (b, { inputs: [x] }) =>
    b.emit("reduceSum", [x], { axes: [0], keepDims: false }),
  );
  expect(() => rewriteGraph(graph, [flat])).toThrow("rule flat turns f32[2] into f32[]");
});

it("rejects rules that go round in circles", () => {
  const [there, back] = [
    rule("there", "", ["neg"], (b, { inputs: [x] }) => b.emit("abs", [x], none)),
    rule("back", "", ["abs"], (b, { inputs: [x] }) => b.emit("neg", [x], none)),
  ];
  expect(() => rewriteGraph(graph, [there, back])).toThrow(/keeps firing/);
});
