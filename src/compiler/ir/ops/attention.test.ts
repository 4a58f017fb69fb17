// Attention where nothing is seen, and what its gradient keeps. Its values are compared in ops.test.ts.
import { describe, expect, it } from "vitest";
import { differentiate } from "../../passes/differentiate.ts";
import { expandNode } from "../../passes/expand.ts";
import { createBuilder, rowOf } from "../builder.ts";
import { evaluateNodes } from "../evaluate.ts";
import { parseType } from "../samples.ts";
import { count } from "../shape.ts";
import type { Node } from "../types.ts";
import { reachable } from "../walk.ts";

describe("attention", () => {
  it("of a query that sees no key is zero, and its statistics are those of no key", () => {
    const b = createBuilder();
    const give = (name: string, type: string): Node =>
      b.emit("input", [], { name, ...parseType(type) });
    const x = give("x", "f32[b=1,h=1,t=2,d=1]");
    const operands = [x, x, x, give("keyLengths", "i32[b=1]")] as const;
    const attrs = { scale: 1, causal: true, operands: ["keyLengths"] } as const;
    const nodes = [
      b.emit("attention", operands, attrs),
      b.emit("attentionStats", operands, attrs),
    ] as const;
    const inputs = { x: Float64Array.of(2, 3), keyLengths: Float64Array.of(0) };
    const body = expandNode(b, nodes, (n) => rowOf(n.op).kind === "composite");
    for (const [out, stats] of [nodes, nodes.map((n) => body.get(n)!)]) {
      const values = evaluateNodes([out, stats], { inputs, state: {} });
      expect([...values.get(out)!]).toEqual([0, 0]);
      for (const found of values.get(stats)!) expect(found / -1e9).toBeCloseTo(1, 6);
    }
  });

  it("makes the probabilities once for result and gradient, and no other [T, S] of floats lives on", () => {
    const b = createBuilder();
    const type = parseType("f32[b=1,h=2,t=5,d=4]");
    const make = (name: string): Node => b.emit("input", [], { name, ...type });
    const [q, k, v] = [make("q"), make("k"), make("v")];
    const out = b.emit("attention", [q, k, v], { scale: 0.5, causal: true });
    const loss = b.emit("reduceSum", [out], { axes: [0, 1, 2, 3], keepDims: false });
    const grads = differentiate(b, loss, [q, k, v]);
    const body = expandNode(b, [out, ...grads], (n) => rowOf(n.op).kind === "composite");
    const nodes = reachable([out, ...grads].map((n) => body.get(n)!));
    const square = (n: Node): boolean => n.type.dtype === "f32" && count(n.type) === 2 * 5 * 5;
    expect(nodes.filter((n) => n.op === "matMul")).toHaveLength(6); // S, PV; dP, dQ, dK, dV
    expect(nodes.filter((n) => n.op === "exp" && square(n))).toHaveLength(2); // of the sum, of P
    const read = (n: Node): boolean => nodes.some((m) => m.op === "matMul" && m.inputs.includes(n));
    expect(nodes.filter((n) => square(n) && read(n))).toHaveLength(2); // P and dS
  });
});
