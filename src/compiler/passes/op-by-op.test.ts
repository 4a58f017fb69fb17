// Fewer ways through memory, the same values.
import { describe, expect, it } from "vitest";
import { expectSameResults } from "../../../test/helpers/feeds.ts";
import { parseGraph, printGraph } from "../ir/text.ts";
import type { Graph } from "../ir/types.ts";
import { opByOp } from "./op-by-op.ts";

const graph = (body: string, dtype = "f32"): Graph =>
  parseGraph(
    `graph g(x: ${dtype}[a=2, b=3], s: ${dtype}[], w: ${dtype}[a=2, b=3]) -> y: %1\n  %1 = ${body} : ${dtype}[a=2, b=3]\n`,
  );
const inputs = { x: [0.5, -1, 2, 0.25, 3, -0.75], s: [0.3], w: [1, 2, -3, 0.5, 0.1, -1] };

describe("sub-part", () => {
  it.each(["sub x (mul s x)", "sub x (mul x s)"])("joins what is taken from x: %s", (body) => {
    const before = graph(body);
    const after = opByOp.run(before);
    expect(printGraph(after)).toContain("= mul x (sub 1 s)");
    expectSameResults(before, after, { inputs, state: {} });
  });

  it.each([
    ["a part of another value", "sub x (mul s w)", "f32"],
    ["a factor as large as x", "sub x (mul w x)", "f32"],
    ["bf16, in which 1 - s loses a small s", "sub x (mul s x)", "bf16"],
  ])("leaves %s", (_what, body, dtype) => {
    const before = graph(body, dtype);
    expect(printGraph(opByOp.run(before))).toBe(printGraph(before));
  });
});
