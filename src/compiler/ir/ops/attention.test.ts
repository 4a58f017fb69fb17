// Attention against plain loops, query by query, for every option; and what its gradient keeps.
import { describe, expect, it } from "vitest";
import { differentiate } from "../../passes/differentiate.ts";
import { expandNode } from "../../passes/expand.ts";
import { createBuilder, rowOf } from "../builder.ts";
import { evaluateNodes } from "../evaluate.ts";
import { parseType, sampleCases } from "../samples.ts";
import { count, sizes } from "../shape.ts";
import type { AttentionAttrs, Node } from "../types.ts";
import { reachable } from "../walk.ts";

/** One query at a time, over the keys it sees. */
const plainLoops = (
  node: Node<"attention">,
  values: Readonly<Record<string, Float64Array>>,
): { readonly out: Float64Array; readonly stats: Float64Array } => {
  const attrs: AttentionAttrs = node.attrs;
  const [B, H, T, e] = sizes(node.type) as [number, number, number, number];
  const [, K, S, d] = sizes(node.inputs[1].type) as [number, number, number, number];
  const [q, k, v] = [values["0"]!, values["1"]!, values["2"]!];
  const operand = (name: string): Float64Array | undefined => {
    const at = attrs.operands?.findIndex((o) => o === name) ?? -1;
    return at < 0 ? undefined : values[String(3 + at)];
  };
  const [positions, lengths] = [operand("positions"), operand("keyLengths")];
  const out = new Float64Array(B * H * T * e);
  const stats = new Float64Array(B * H * T);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let t = 0; t < T; t++) {
        const own = positions === undefined ? S - T + t : positions[b * T + t]!;
        const row = (b * H + h) * T + t;
        const head = (b * K + Math.floor((h * K) / H)) * S;
        const seen = Array.from({ length: S }, (_, s) => s).filter(
          (s) =>
            (!attrs.causal || s <= own) &&
            (attrs.window === undefined || s > own - attrs.window) &&
            (lengths === undefined || s < lengths[b]!),
        );
        const scores = seen.map((s) => {
          let dot = 0;
          for (let i = 0; i < d; i++) dot += q[row * d + i]! * k[(head + s) * d + i]!;
          const scaled = dot * attrs.scale;
          const capped =
            attrs.softcap === undefined
              ? scaled
              : attrs.softcap * Math.tanh(scaled / attrs.softcap);
          return capped - (attrs.slopes?.[h] ?? 0) * (own - s);
        });
        const sum = scores.reduce((n, s) => n + Math.exp(s), 0);
        stats[row] = Math.log(sum);
        seen.forEach((s, j) => {
          for (let i = 0; i < e; i++)
            out[row * e + i]! += (Math.exp(scores[j]!) / sum) * v[(head + s) * e + i]!;
        });
      }
  return { out, stats };
};

describe("attention", () => {
  it.each(sampleCases("attention"))("is plain attention: $name", ({ node, values }) => {
    if (node.op !== "attention") throw new Error("another op");
    const b = createBuilder();
    const inputs = node.inputs.map((x, i) =>
      b.emit("input", [], { name: String(i), dtype: x.type.dtype, shape: x.type.shape }),
    );
    const [q, k, v, ...rest] = inputs as [Node, Node, Node];
    const stats = b.emit("attentionStats", [q, k, v, ...rest], node.attrs);
    const out = b.emit("attention", [q, k, v, ...rest], node.attrs);
    const got = evaluateNodes([out, stats], { inputs: values, state: {} });
    const wanted = plainLoops(node, values);
    const digits = node.type.dtype === "bf16" ? 1.5 : 12;
    wanted.out.forEach((x, i) => expect(got.get(out)![i]).toBeCloseTo(x, digits));
    // a query that sees nothing has no statistics, and a result of zeros
    wanted.stats.forEach((x, i) => {
      if (x > -Infinity) expect(got.get(stats)![i]).toBeCloseTo(x, digits);
    });
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
