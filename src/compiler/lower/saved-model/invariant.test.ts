// The two parts of a program hold all of it, each node on its side.
import { expect, it } from "vitest";
import { createBuilder } from "../../ir/builder.ts";
import { dims } from "../../ir/shape.ts";
import type { Graph } from "../../ir/types.ts";
import { lowerGraph } from "../lower-graph.ts";
import { splitInvariant } from "./invariant.ts";

/** h <- x · bf16(w) + 2 · bias, where w is known and h is written. */
const program = (): Graph => {
  const b = createBuilder();
  const x = b.emit("input", [], { name: "x", dtype: "f32", shape: dims(2, 3) });
  const w = b.emit("state", [], { name: "w", shape: dims(3, 4) });
  const bias = b.emit("state", [], { name: "bias", shape: dims(4) });
  const held = b.emit("state", [], { name: "h", shape: dims(2, 4) });
  const two = b.emit("full", [], { dtype: "f32", shape: [], value: 2 });
  const low = b.emit("cast", [w], { dtype: "bf16" });
  const product = b.emit("matMul", [b.emit("cast", [x], { dtype: "bf16" }), low], {
    transposeX: false,
    transposeY: false,
    out: "f32",
  });
  const y = b.emit("add", [product, b.emit("mul", [bias, two], {})], {});
  return {
    name: "step",
    inputs: [x],
    outputs: [{ name: "y", node: y }],
    updates: [{ state: "h", node: b.emit("add", [held, y], {}) }],
  };
};

it("takes out what is made of weights alone", () => {
  const { ready, rest } = splitInvariant(lowerGraph(program()));
  const opOf = (name: string): string | undefined =>
    ready.nodes.find((node) => node.name === name)?.op;
  expect(ready.reads.map(({ state }) => state).toSorted()).toEqual(["bias", "w"]);
  expect(rest.reads.map(({ state }) => state)).toEqual(["h"]);
  expect(ready.outputs.map(({ node }) => opOf(node)).toSorted()).toEqual(["Cast", "Mul"]);
  expect(ready.nodes.some(({ op }) => op === "MatMul" || op === "AddV2")).toBe(false);
  const taken = rest.inputs.slice(1).map(({ node }) => node);
  expect(taken).toEqual(ready.outputs.map(({ node }) => node));
  for (const { nodes } of [ready, rest]) {
    const names = new Set(nodes.map(({ name }) => name));
    expect(nodes.flatMap(({ inputs }) => inputs).filter((name) => !names.has(name))).toEqual([]);
  }
});
