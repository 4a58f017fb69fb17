// How models start, against freshly initialised models of the GPAS code (commit 3198068), eight schemes: names, shapes, and the
// mean and spread of each parameter. And its checkpoints, which need nothing but their names.
import { describe, expect, it } from "vitest";
import { features } from "../../src/compiler/features/index.ts";
import { parametersOf } from "../../src/compiler/model/parameters-of.ts";
import { stateEntry } from "../../src/compiler/model/parameters.ts";
import { initialValues } from "../../src/runtime/state.ts";
import { golden, maxDifference, readGolden, readJson, stateFrom } from "./golden.ts";
import { modelFrom, passOf } from "./models.ts";

interface Moments {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}
const { schemes } = readJson("gpas/init-stats.json") as {
  readonly schemes: Readonly<Record<string, Readonly<Record<string, Moments>>>>;
};

/** What each scheme sets beside the norm's place; DeepNorm with GPAS starts like the other models there. */
const choices: Readonly<Record<string, string>> = {
  pre: "norm = pre()",
  lns: "norm = lns_init()",
  deeppost: "norm = deepnorm()",
  deeppost_gpas: "norm = deepnorm(beta: none) scaling = gpas()",
  lns_gpas: "norm = lns_init() scaling = gpas()",
  post_pre_gpas: "norm = mix(post_blocks: 2) scaling = gpas()",
  scale_pre: "norm = pre() out_init = normal(0.02 / sqrt(2 * L))",
  scale_post_pre:
    "norm = mix(post_blocks: 2) out_init = if l <= 2 then none else normal(0.02 / sqrt(2 * L))",
};
const model = (blocks: string) =>
  modelFrom(`model Started {
    vocab_size = 512 hidden_size = 128 context = 256
    embedding = token(init: normal(sqrt(2 / 5)), padding: 511)
    blocks 6 { attention = mha(4) ffn = swiglu(352) ${blocks} }
  }`);

const momentsOf = (data: ArrayLike<number>): Omit<Moments, "shape"> => {
  const values = Array.from(data);
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const square = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return {
    mean,
    std: Math.sqrt(square),
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
  };
};

describe("the start of a model", () => {
  it("is known for every scheme of the golden file", () => {
    expect(Object.keys(choices).sort()).toEqual(Object.keys(schemes).sort());
  });
  it.each(Object.entries(choices))("of %s is the authors'", (scheme, blocks) => {
    const entries = parametersOf(model(blocks), features).map((p) => stateEntry(p));
    for (const [name, wanted] of Object.entries(schemes[scheme]!)) {
      const entry = entries.find(({ diskName }) => diskName === name)!;
      expect(entry.shape.toSorted(), name).toEqual(wanted.shape.toSorted());
      const found = momentsOf(initialValues(entry, 7).data);
      const n = wanted.shape.reduce((a, b) => a * b, 1);
      if (wanted.std === 0) {
        expect(found.min, name).toBeCloseTo(wanted.min, 6);
        expect(found.max, name).toBeCloseTo(wanted.max, 6);
        continue;
      }
      // two draws of n normal numbers: their spreads differ by 1/√n of it, their means by √(2/n)
      expect(Math.abs(found.std / wanted.std - 1), `${name}: std`).toBeLessThan(4 / Math.sqrt(n));
      const apart = (found.mean - wanted.mean) / wanted.std;
      expect(Math.abs(apart), `${name}: mean`).toBeLessThan(4 * Math.sqrt(2 / n));
      expect(found.max / found.std, `${name}: max`).toBeGreaterThan(3);
    }
  });
  it("leaves the padding row at zero", () => {
    const [embedding] = parametersOf(model("norm = pre()"), features).map((p) => stateEntry(p));
    const { data } = initialValues(embedding!, 7);
    expect([...data.slice(511 * 128)].every((x) => x === 0)).toBe(true);
    expect(data[511 * 128 - 1]).not.toBe(0);
  });
});

describe("a checkpoint of the authors", () => {
  it("gives their logits; its rotary buffers are no parameters", () => {
    const weights = readGolden("gpas/checkpoint-pre_gpas/model.safetensors");
    const expected = readGolden("gpas/checkpoint-pre_gpas/golden.safetensors");
    const ids = golden(expected, "input_ids");
    const [B = 0, T = 0] = ids.shape;
    const { parameters, run } = passOf(
      modelFrom(`model Tiny {
        vocab_size = 37 hidden_size = 24 context = 1024
        embedding = token(padding: 36)
        blocks 2 { norm = pre() attention = mha(3) ffn = swiglu(40) scaling = gpas() }
      }`),
      B,
      T,
    );
    const rest = Object.keys(weights).filter((name) =>
      parameters.every(({ diskName }) => diskName !== name),
    );
    expect(rest).toEqual([0, 1].map((i) => `model.layers.${i}.self_attn.rotary_emb.inv_freq`));
    const found = run({ ids: ids.data, targets: ids.data, state: stateFrom(parameters, weights) });
    expect(maxDifference(found["logits"]!, golden(expected, "logits").data)).toBeLessThan(5e-5);
  });
});
