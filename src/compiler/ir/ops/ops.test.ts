// Every row of the op table: shape rule against evaluator, gradient against central differences in float64, expansion
// against evaluator. A row joins by having samples, and fails without them.
import { describe, expect, it } from "vitest";
import { differentiate } from "../../passes/differentiate.ts";
import { expandNode } from "../../passes/expand.ts";
import { createBuilder, reemit, rowOf } from "../builder.ts";
import { evaluateNodes } from "../evaluate.ts";
import { sampleCases, type SampleCase } from "../samples.ts";
import { count } from "../shape.ts";
import type { Builder, Node, OpName } from "../types.ts";
import { reachable } from "../walk.ts";
import { ops } from "./index.ts";

const names = Object.keys(ops) as OpName[];
const copyInto = (b: Builder, root: Node): Map<Node, Node> => {
  const copies = new Map<Node, Node>();
  for (const node of reachable([root]))
    copies.set(
      node,
      reemit(
        b,
        node,
        node.inputs.map((n) => copies.get(n)!),
      ),
    );
  return copies;
};

describe.each(names)("%s", (op) => {
  const row = rowOf(op);
  it("has samples", () => expect(row.samples.length).toBeGreaterThan(0));
  if (op === "input" || op === "state") return;
  it("has loops of its own", () => expect(row.evaluate).toBeDefined());

  it.each(sampleCases(op))("evaluates to the inferred shape: $name", ({ node, values }) => {
    const value = evaluateNodes([node], { inputs: values, state: {} }).get(node)!;
    expect(value.length).toBe(count(node.type));
  });

  if (row.grad === "zero") return;
  // Rounding has no derivative: the gradients of bf16 are compared with those of f32 in the precision pass's tests.
  const exact = ({ node }: SampleCase): boolean =>
    node.type.dtype === "f32" && node.inputs.every((x) => x.type.dtype !== "bf16");
  it.each(sampleCases(op).filter(exact))(
    "has the gradient of central differences: $name",
    ({ node, values }) => {
      const b = createBuilder();
      const copies = copyInto(b, node);
      const y = copies.get(node)!;
      // A weighted sum, so that no gradient vanishes by symmetry.
      const weights = Float64Array.from({ length: count(node.type) }, (_v, i) =>
        Math.sin(1 + i * 1.7),
      );
      const w = b.emit("constant", [], {
        dtype: "f32",
        shape: node.type.shape,
        values: [...weights],
      });
      const axes = node.type.shape.map((_d, i) => i);
      const loss = b.emit("reduceSum", [b.emit("mul", [y, w], {})], { axes, keepDims: false });
      const wrt = node.inputs.flatMap((x, i) =>
        x.type.dtype === "f32" && !constantOperand(op, i) ? [{ x: copies.get(x)!, i }] : [],
      );
      const grads = differentiate(
        b,
        loss,
        wrt.map((p) => p.x),
      );
      const at = (v: typeof values): number =>
        evaluateNodes([loss], { inputs: v, state: {} }).get(loss)![0]!;
      const got = evaluateNodes([...grads], { inputs: values, state: {} });
      const h = 1e-5;
      wrt.forEach(({ i }, p) => {
        const base = values[String(i)]!;
        for (let j = 0; j < base.length; j++) {
          const moved = (d: number) => ({
            ...values,
            [String(i)]: base.map((v, k) => (k === j ? v + d : v)),
          });
          const numeric = (at(moved(h)) - at(moved(-h))) / (2 * h);
          expect(Math.abs(got.get(grads[p]!)![j]! - numeric)).toBeLessThan(
            2e-7 * Math.max(1, Math.abs(numeric)) + 1e-8,
          );
        }
      });
    },
  );
});

/** Operands through which no gradient flows by definition: rope's tables. */
const constantOperand = (op: OpName, i: number): boolean => op === "rope" && i > 0;

describe("expansion", () => {
  const composite = names.filter((n) => rowOf(n).expand !== undefined);
  it("exists for every composite", () =>
    expect(names.filter((n) => rowOf(n).kind === "composite")).toEqual(composite));
  it.each(composite.flatMap(sampleCases))(
    "is what the row's loops compute: $name",
    ({ node, values }) => {
      const b = createBuilder();
      const copy = copyInto(b, node).get(node)!;
      const body = expandNode(b, [copy], (n) => rowOf(n.op).kind === "composite").get(copy)!;
      expect(reachable([body]).filter((n) => rowOf(n.op).kind === "composite")).toEqual([]);
      const found = evaluateNodes([body], { inputs: values, state: {} }).get(body)!;
      const wanted = evaluateNodes([node], { inputs: values, state: {} }).get(node)!;
      expect(found.length).toBe(wanted.length);
      wanted.forEach((v, i) => {
        expect(Math.abs(found[i]! - v), `at ${i}`).toBeLessThan(1e-12 * Math.max(1, Math.abs(v)));
      });
    },
  );
});
