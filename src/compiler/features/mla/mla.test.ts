// What is latent about latent attention: what generation keeps, and what heads share.
import { describe, expect, it } from "vitest";
import { check } from "../../../../test/combinations/models.ts";
import { modelFrom, passOf } from "../../../../test/parity/models.ts";
import { buildPrograms } from "../../model/programs.ts";
import { features } from "../index.ts";

const [H, r, n, p, v] = [4, 16, 8, 4, 6];
const model = modelFrom(`model M {
  vocab_size = 11 hidden_size = 12 context = 32
  blocks 2 {
    norm = pre() ffn = swiglu(12)
    attention = mla(${H}, kv_rank: ${r}, nope: ${n}, rope: ${p}, v: ${v}, position: rope(100))
  }
}`);

describe("latent attention", () => {
  it("keeps the latent and the shared key part of a token, and nothing for each head", () => {
    const { state } = buildPrograms(model, undefined, {
      methods: features,
      programs: ["prefill", "decode_step"],
      binding: { batch: 1, sequence: 8 },
      generation: { batch: 3 },
      totalSteps: 0,
    });
    const caches = state.filter((s) => s.kind === "cache");
    expect(caches.map(({ name, shape }) => [name, shape])).toEqual(
      [0, 1].map((i) => [`blocks.${i}.attention.latent_cache`, [3, 32, r + p]]),
    );
  });
  it("has the parameters of the equations", () => {
    const { parameters } = passOf(model, 1, 2);
    const shapes = parameters
      .filter((q) => q.name.startsWith("blocks.0.attention."))
      .map((q) => [q.name.slice("blocks.0.attention.".length), q.shape.map((d) => d.size)]);
    expect(Object.fromEntries(shapes)).toEqual({
      "q.weight": [12, H * (n + p)],
      "kv_a.weight": [12, r + p],
      "kv_a_norm.weight": [r],
      "kv_b.weight": [r, H * (n + v)],
      "o.weight": [H * v, 12],
    });
  });
  it("has a divisor for each frequency of the part that turns", () => {
    const complaints = (short: string): readonly string[] =>
      check(`spec 1
      model M {
        vocab_size = 11 hidden_size = 32 context = 64
        blocks 1 {
          norm = pre() ffn = swiglu(12)
          attention = mla(4, kv_rank: 16, nope: 8, rope: 4, v: 8,
            position: rope(scaling: longrope(${short}, [2, 4], original: 16)))
        }
      }`).diagnostics.map(({ message }) => message);
    expect(complaints("[1, 2]")).toEqual([]);
    expect(complaints("[1, 2, 3, 4]")).toEqual([
      "short has 4 divisors, but 4 channels that turn have 2 frequencies",
    ]);
  });
});
