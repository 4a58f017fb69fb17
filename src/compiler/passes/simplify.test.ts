// Each rule in IR text, before and after; every rule fires in a case of its own name.
import { describe, expect, it } from "vitest";
import { expectSameResults } from "../../../test/helpers/feeds.ts";
import { rewriteGraph } from "../ir/rewrite.ts";
import { parseGraph, printGraph } from "../ir/text.ts";
import { simplify, simplifyRules } from "./simplify.ts";

/** Rule, body before, body after: one node y of x: f32[a=2, b=3], c: bool[2, 3], z: f32[a=2, b=3]. */
const cases: readonly (readonly [string, string, string])[] = [
  ["add-zero", "add x 0", "x"],
  ["add-zero", "add 0 x", "x"],
  ["sub-zero", "sub x 0", "x"],
  ["mul-one", "mul 1 x", "x"],
  ["div-one", "div x 1", "x"],
  ["neg-neg", "neg (neg x)", "x"],
  ["neg-sub", "neg (sub x z)", "sub z x"],
  ["add-neg", "add x (neg z)", "sub x z"],
  ["add-neg", "add (neg z) x", "sub x z"],
  ["sub-neg", "sub x (neg z)", "add x z"],
  [
    "sum-neg",
    "reduceSum (neg x) axes=[1] keepDims=false",
    "neg (reduceSum x axes=[1] keepDims=false)",
  ],
  [
    "sum-neg",
    "reduceSum (mul z (neg x)) axes=[0, 1] keepDims=false",
    "neg (reduceSum (mul z x) axes=[0, 1] keepDims=false)",
  ],
  [
    "sum-neg",
    "reduceSum (mul (neg z) x) axes=[0] keepDims=true",
    "neg (reduceSum (mul z x) axes=[0] keepDims=true)",
  ],
  ["mul-self", "mul x x", "square x"],
  ["mul-scalars", "mul (mul x 0.5) 4", "mul x 2"],
  ["mul-scalars", "mul 0.25 (mul 2 x)", "mul x 0.5"],
  ["select-known", "select (full dtype=bool shape=[] value=1) x z", "x"],
  ["select-known", "select (full dtype=bool shape=[] value=0) x z", "z"],
  ["not-not", "select (not (not c)) x z", "select c x z"],
  ["drop-stop-gradient", "add z (stopGradient x)", "add z x"],
  ["reshape-same", "reshape x shape=[2, 3]", "x"],
  ["reshape-reshape", "reshape (reshape x shape=[6]) shape=[3, 2]", "reshape x shape=[3, 2]"],
  ["transpose-same", "transpose x perm=[0, 1]", "x"],
  ["transpose-transpose", "transpose (transpose x perm=[1, 0]) perm=[1, 0]", "x"],
  ["broadcast-same", "broadcastTo x shape=[2, 3]", "x"],
  [
    "broadcast-broadcast",
    "broadcastTo (broadcastTo x shape=[1, 2, 3]) shape=[2, 2, 3]",
    "broadcastTo x shape=[2, 2, 3]",
  ],
  ["cast-same", "cast x dtype=f32", "x"],
  [
    "cast-back",
    "cast (cast (cast (cast x dtype=bf16) dtype=f32) dtype=bf16) dtype=f32",
    "cast (cast x dtype=bf16) dtype=f32",
  ],
  ["slice-all", "slice x begin=[0, 0] size=[2, 3]", "x"],
  [
    "slice-slice",
    "slice (slice x begin=[0, 1] size=[2, 2]) begin=[1, 1] size=[1, 1]",
    "slice x begin=[1, 2] size=[1, 1]",
  ],
  ["slice-of-concat", "slice (concat x z axis=0) begin=[2, 0] size=[2, 3]", "z"],
  ["concat-one", "concat x axis=0", "x"],
  ["pad-none", "pad x before=[0, 0] after=[0, 0]", "x"],
  ["reduce-ones", "reduceMax (reshape x shape=[2, 1, 3]) axes=[1] keepDims=false", "x"],
  [
    "matmul-transpose",
    "matMul (transpose x perm=[1, 0]) z transposeX=false transposeY=false",
    "matMul x z transposeX=true transposeY=false",
  ],
  [
    "matmul-transpose",
    "matMul x (transpose z perm=[1, 0]) transposeX=false transposeY=false",
    "matMul x z transposeX=false transposeY=true",
  ],
  [
    "layout-of-full",
    "softmax (broadcastTo 2 shape=[2, 3])",
    "softmax (full dtype=f32 shape=[2, 3] value=2)",
  ],
  ["implicit-broadcast", "mul x (full dtype=f32 shape=[2, 3] value=3)", "mul x 3"],
  [
    "implicit-broadcast",
    "add (broadcastTo (reduceSum x axes=[1] keepDims=true) shape=[2, 3]) z",
    "add (reduceSum x axes=[1] keepDims=true) z",
  ],
  [
    "concat-of-slices",
    "concat (slice x begin=[0, 0] size=[2, 1]) (slice x begin=[0, 1] size=[2, 2]) axis=1",
    "x",
  ],
  [
    "concat-of-slices",
    "concat (slice z begin=[1, 0] size=[1, 3]) (slice x begin=[0, 0] size=[1, 1]) (slice x begin=[0, 1] size=[1, 1]) axis=1",
    "concat (slice z begin=[1, 0] size=[1, 3]) (slice x begin=[0, 0] size=[1, 2]) axis=1",
  ],
  ["fold", "add x (mul 2 (add 3 0.5))", "add x 7"],
  ["fold", "mul x (cast (equal 1 1) dtype=f32)", "x"],
];
/** Where a rule must not fire: the result would have another shape, another value, or is left to the engine. */
const kept: readonly (readonly [string, string])[] = [
  ["a zero that broadcasts", "add x (full dtype=f32 shape=[4, 2, 3] value=0)"],
  ["x · 0, NaN for an infinite x", "mul x 0"],
  [
    "a transpose of other axes than the last two",
    "matMul (transpose (reshape x shape=[1, 2, 3]) perm=[1, 0, 2]) (transpose (reshape z shape=[1, 2, 3]) perm=[1, 2, 0]) transposeX=false transposeY=false",
  ],
  [
    "slices that leave something out",
    "concat (slice x begin=[0, 0] size=[2, 1]) (slice x begin=[0, 2] size=[2, 1]) axis=1",
  ],
  [
    "slices in another order",
    "concat (slice x begin=[0, 1] size=[2, 2]) (slice x begin=[0, 0] size=[2, 1]) axis=1",
  ],
  ["a product that leaves f32", "mul (mul x 1e-25) 1e-25"],
  ["an infinite result", "add x (div 1 0)"],
];

const parse = (body: string) => {
  // The line's type is whatever the body has: asked from the parser's own complaint.
  const text = (type: string) =>
    `graph g(x: f32[a=2, b=3], z: f32[a=2, b=3], c: bool[2, 3]) -> y: %1\n  %1 = ${body} : ${type}\n`;
  try {
    return parseGraph(text("bool[99]"));
  } catch (error) {
    const type = /, is (.*)$/.exec(String(error))?.[1];
    if (type === undefined) throw error;
    return parseGraph(text(type));
  }
};
const feeds = {
  inputs: { x: [0.5, -1, 2, 0.25, 3, -0.75], z: [1, 2, -3, 0.5, 0.1, -1], c: [1, 0, 1, 1, 0, 0] },
  state: {},
};

describe("simplify", () => {
  it.each(cases)("%s: %s -> %s", (name, before, after) => {
    const graph = parse(before);
    const simple = simplify.run(graph);
    const expected = after === "x" || after === "z" ? `-> y: ${after}\n` : printGraph(parse(after));
    expect(printGraph(simple)).toContain(expected.replace(/ : .*\n$/, ""));
    expectSameResults(graph, simple, feeds);
    // Without the rule something else happens: the case is about it.
    expect(
      printGraph(
        rewriteGraph(
          graph,
          simplifyRules.filter((r) => r.name !== name),
        ),
      ),
    ).not.toBe(printGraph(simple));
  });
  it.each(kept)("keeps %s: %s", (_name, body) => {
    const ops = (text: string): number =>
      text.match(/\b(add|mul|matMul|transpose|div|slice|concat)\b/g)?.length ?? 0;
    const text = printGraph(parse(body));
    expect(ops(printGraph(simplify.run(parseGraph(text))))).toBe(ops(text));
  });
  it("has a case for every rule", () => {
    expect([...new Set(cases.map(([name]) => name))].sort()).toEqual(
      simplifyRules.map((r) => r.name).sort(),
    );
  });
});
