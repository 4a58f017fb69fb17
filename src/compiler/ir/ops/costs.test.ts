// What ops cost, counted by hand.
import { describe, expect, it } from "vitest";
import { analyzeText } from "../../analyze.ts";
import { compile } from "../../compile.ts";
import { createBuilder, rowOf } from "../builder.ts";
import { parseType } from "../samples.ts";
import type { OpName, OpSigs } from "../types.ts";

const costOf = <N extends OpName>(op: N, types: readonly string[], attrs: OpSigs[N]["attrs"]) => {
  const b = createBuilder();
  const inputs = types.map((type, i) =>
    b.emit("input", [], { name: String(i), ...parseType(type) }),
  );
  const node = b.emit<OpName>(op, inputs, attrs);
  return rowOf(op).cost(node);
};

it("of one row each", () => {
  // an operation an element; three tensors of 24 bytes move
  expect(costOf("add", ["f32[2,3]", "f32[2,3]"], {})).toEqual({ flops: 6, bytes: 72 });
  expect(costOf("silu", ["bf16[2,3]"], {})).toEqual({ flops: 5 * 6, bytes: 2 * 12 });
  // a product and a sum for each of 2 · 3 · 5 results and each of 4 terms
  const plain = { transposeX: false, transposeY: false };
  expect(costOf("matMul", ["f32[2,3,4]", "f32[4,5]"], plain)).toEqual({
    flops: 2 * 2 * 3 * 5 * 4,
    bytes: 4 * (24 + 20 + 30),
  });
  expect(costOf("gather", ["f32[5,3]", "i32[2,2]"], {})).toEqual({
    flops: 0,
    bytes: 4 * (15 + 4 + 12),
  });
  expect(costOf("rmsNorm", ["f32[2,3,4]", "f32[4]"], { eps: 0 }).flops).toBe(6 * 24);
  // of logits, not of the losses
  expect(costOf("crossEntropy", ["f32[4,5]", "i32[4]"], { ignore: -1 }).flops).toBe(6 * 20);
  // each of 2 · 2 · 4 places and 3 channels sums 3 · 2 · 2 products
  expect(costOf("conv2d", ["f32[2,4,5,2]", "f32[3,2,2,3]"], { stride: 1 }).flops).toBe(
    2 * (2 * 2 * 4 * 3) * (3 * 2 * 2),
  );
});

it("of attention: two products forward, five backward", () => {
  const [q, k, v] = ["f32[1,4,3,2]", "f32[1,2,5,2]", "f32[1,2,5,7]"];
  const attrs = { scale: 1, causal: true };
  // 12 queries on 5 keys: scores from 2 numbers, results of 7
  const [scores, values] = [2 * 12 * 5 * 2, 2 * 12 * 5 * 7];
  expect(costOf("attention", [q, k, v], attrs).flops).toBe(scores + values);
  const all = [q, k, v, "f32[1,4,3,7]", "f32[1,4,3]", "f32[1,4,3,7]"];
  const backward = (["q", "k", "v"] as const).map(
    (of) => costOf("attentionGrad", all, { ...attrs, of }).flops,
  );
  // scores again, dO Vᵀ and dQ; dK; dV
  expect(backward).toEqual([2 * scores + values, scores, values]);
});

describe("of a whole model", () => {
  const [T, D, H, F, V, blocks] = [8, 12, 2, 20, 30, 3];
  const text = `spec 1
model M {
  vocab_size = ${V}
  hidden_size = ${D}
  context = ${T}
  blocks ${blocks} {
    norm = pre(rmsnorm())
    attention = mha(heads: ${H}, position: alibi())
    ffn = swiglu(intermediate: ${F})
  }
}
`;
  const checked = analyzeText("m.arch", text);
  const model = checked.spec!.models["M"]!;
  const { programs } = compile({ entry: "m.arch", checked, model, recipe: undefined });

  it("is the sum of its parts", () => {
    const forward = programs.find(({ graph }) => graph.name === "forward")!;
    const block =
      2 * T * (4 * D * D + 3 * D * F) + // q, k, v, o; gate, up, down
      2 * (2 * T * T * D) + // scores and values
      2 * (6 * T * D) + // norms
      2 * (T * D) + // additions to the stream
      (5 + 1) * (T * F); // silu and the product with up
    const head = 6 * T * D + 2 * T * D * V + 6 * T * V;
    // which targets count (equal, not, cast), their number and the losses' sum; at least one, and the quotient
    const average = 5 * T + 2;
    expect(forward.entry.flops).toBe(blocks * block + head + average);
  });
});
