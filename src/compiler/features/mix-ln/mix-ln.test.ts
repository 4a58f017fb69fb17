// Mix-LN is a choice by layer and nothing else; parity with the code of GPAS stands in test/parity.
import { describe, expect, it } from "vitest";
import { modelFrom } from "../../../../test/parity/models.ts";
import type { DecoderSpec } from "../../semantics/spec.ts";

const model = (norm: string, depth = 6): DecoderSpec =>
  modelFrom(`model Mixed {
    vocab_size = 7 hidden_size = 8 context = 16
    blocks ${depth} { norm = ${norm} attention = mha(2) ffn = swiglu(12) }
  }`);
const posts = (norm: string, depth?: number): number =>
  model(norm, depth).blocks.filter((block) => block.norm.is === "post").length;

describe("mix", () => {
  it("is written out layer by layer", () => {
    const other = model("if l <= 2 then post(layernorm()) else pre(layernorm())");
    expect(model("mix(layernorm(), post_blocks: 2)")).toEqual(other);
  });
  it("is Pre-LN at one end and Post-LN at the other", () => {
    expect(model("mix(post_blocks: 0)")).toEqual(model("pre()"));
    expect(model("mix(post_blocks: 6)")).toEqual(model("post()"));
  });
  it("rounds a part of the layers down, a quarter unless it is said", () => {
    expect([6, 7, 8, 12, 24].map((depth) => posts("mix()", depth))).toEqual([1, 1, 2, 3, 6]);
    expect(posts("mix(fraction: 50%)", 7)).toBe(3);
    expect(posts("mix(fraction: 1)")).toBe(6);
  });
  it("takes another number of layers in each group of blocks by the depth of the whole model", () => {
    const { blocks } = modelFrom(`model Two {
      vocab_size = 7 hidden_size = 8 context = 16
      blocks 2 { norm = mix() attention = mha(2) ffn = swiglu(12) }
      blocks 6 { norm = mix() attention = mqa(2) ffn = swiglu(12) }
    }`);
    expect(blocks.map((block) => block.norm.is).join(" ")).toBe(
      "post post pre pre pre pre pre pre",
    );
  });
});
