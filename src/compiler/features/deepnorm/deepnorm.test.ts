// What DeepNorm makes of a depth; parity with the code of GPAS stands in test/parity.
import { describe, expect, it } from "vitest";
import { modelFrom } from "../../../../test/parity/models.ts";
import { parametersOf } from "../../model/parameters-of.ts";
import { features } from "../index.ts";

const model = (depth: number, norm: string) =>
  modelFrom(`model Deep {
    vocab_size = 7 hidden_size = 8 context = 16
    blocks ${depth} { norm = ${norm} attention = mha(2) ffn = swiglu(12) }
  }`);
const std = (depth: number, norm: string, name: string, of = model): number => {
  const found = parametersOf(of(depth, norm), features).find((p) => p.name === name);
  if (found?.init.kind !== "normal") throw new Error(`${name} does not start normal`);
  return found.init.std;
};

describe("deepnorm", () => {
  it("has the paper's factors of a decoder, by depth", () => {
    for (const depth of [2, 8, 128]) {
      const { norm } = model(depth, "deepnorm()").blocks[0]!;
      expect(norm["alpha"]).toBeCloseTo((2 * depth) ** 0.25, 12);
      expect(norm["beta"]).toBeCloseTo((8 * depth) ** -0.25, 12);
    }
  });
  it("starts what makes values small, and what compares them as Xavier has it", () => {
    const square = Math.sqrt(2 / 16);
    const wide = Math.sqrt(2 / 20);
    const beta = 16 ** -0.25;
    const at = (part: string): number => std(2, "deepnorm()", `blocks.1.${part}.weight`);
    for (const part of ["attention.q", "attention.k"]) expect(at(part)).toBeCloseTo(square, 12);
    for (const part of ["attention.v", "attention.o"])
      expect(at(part)).toBeCloseTo(beta * square, 12);
    for (const part of ["ffn.gate", "ffn.up", "ffn.down"])
      expect(at(part)).toBeCloseTo(beta * wide, 12);
    expect(at("attention.q")).not.toBe(
      std(2, "deepnorm(beta: none)", "blocks.1.attention.q.weight"),
    );
  });
  it("starts what makes keys and values of a latent small, and experts as a dense layer", () => {
    const of = (depth: number, norm: string) =>
      modelFrom(`model Latent {
        vocab_size = 7 hidden_size = 8 context = 16
        blocks ${depth} {
          norm = ${norm}
          attention = mla(heads: 2, kv_rank: 6, nope: 4, rope: 2, v: 4)
          ffn = moe(experts: 4, top_k: 2, intermediate: 12, shared: 1)
        }
      }`);
    const [beta, wide] = [16 ** -0.25, Math.sqrt(2 / 20)];
    const at = (part: string): number => std(2, "deepnorm()", `blocks.1.${part}.weight`, of);
    expect(at("attention.q")).toBeCloseTo(Math.sqrt(2 / 20), 12);
    expect(at("attention.kv_a")).toBeCloseTo(Math.sqrt(2 / 16), 12);
    expect(at("attention.kv_b")).toBeCloseTo(beta * Math.sqrt(2 / 22), 12);
    expect(at("attention.o")).toBeCloseTo(beta * Math.sqrt(2 / 16), 12);
    for (const part of ["gate", "up", "down"])
      for (const which of ["experts", "shared"])
        expect(at(`ffn.${which}.${part}`), which).toBeCloseTo(beta * wide, 12);
    expect(at("ffn.router")).toBe(0.02);
  });
  it("keeps the model's own start without beta, and out_init over its own", () => {
    expect(std(2, "deepnorm(beta: none)", "blocks.0.attention.o.weight")).toBe(0.02);
    expect(std(2, "deepnorm() out_init = normal(0.5)", "blocks.0.attention.o.weight")).toBe(0.5);
    expect(std(2, "deepnorm() out_init = normal(0.5)", "blocks.0.ffn.up.weight")).not.toBe(0.5);
  });
});

describe("deepnorm() from outside of blocks", () => {
  const sizes = "vocab_size = 7 hidden_size = 8 context = 16";
  const rest = "attention = mha(2) ffn = swiglu(12)";
  it("gets the depth of the model that uses it", () => {
    const text = `spec 1
      let place = deepnorm()
      block Deep(norm: NormPlacement = deepnorm()) { norm = norm ${rest} }
      model M(given: NormPlacement = deepnorm()) { ${sizes}
        blocks 1 { norm = place ${rest} }
        blocks 1 { norm = given ${rest} }
        blocks 1 = Deep()
        blocks 1 = Deep(place)
      }`;
    const alphas = modelFrom(text).blocks.map(({ norm }) => norm["alpha"]);
    expect(alphas).toEqual(Array.from({ length: 4 }, () => Math.sqrt(Math.sqrt(8))));
  });
});
