// GPT-2 from Hugging Face (transformers 5.23): learned positions, LayerNorm with biases, biased linear layers, GELU by its tanh
// formula, a tied head. Its checkpoint joins q, k and v and holds products as [in, out], so names are mapped here.
import { describe, expect, it } from "vitest";
import { golden, maxDifference, readGolden, shiftLabels, type Tensors } from "./golden.ts";
import { modelFrom, passOf } from "./models.ts";

const model = modelFrom(`model Gpt2 {
  vocab_size = 96 hidden_size = 32 context = 64
  blocks 2 {
    norm = pre(layernorm())
    attention = mha(4, position: learned(), bias: true)
    ffn = gelu(128, bias: true, approximate: tanh)
  }
  final_norm = layernorm()
  head = lm(tied: true)
}`);

const simple: readonly (readonly [RegExp, string])[] = [
  [/^embedding\.weight$/, "wte.weight"],
  [/^position\.weight$/, "wpe.weight"],
  [/^final_norm\.(\w+)$/, "ln_f.$1"],
  [/^blocks\.(\d)\.attention_norm\.(\w+)$/, "h.$1.ln_1.$2"],
  [/^blocks\.(\d)\.ffn_norm\.(\w+)$/, "h.$1.ln_2.$2"],
  [/^blocks\.(\d)\.attention\.o\.(\w+)$/, "h.$1.attn.c_proj.$2"],
  [/^blocks\.(\d)\.ffn\.up\.(\w+)$/, "h.$1.mlp.c_fc.$2"],
  [/^blocks\.(\d)\.ffn\.down\.(\w+)$/, "h.$1.mlp.c_proj.$2"],
];
/** Columns [from, from + width) of a matrix [rows, columns], or of a vector. */
const columns = (data: Float64Array, total: number, from: number, width: number): Float64Array =>
  data.filter((_x, i) => i % total >= from && i % total < from + width);

const valueOf = (weights: Tensors, name: string): Float64Array => {
  const joined = /^blocks\.(\d)\.attention\.([qkv])\.(\w+)$/.exec(name);
  if (joined !== null) {
    const { data } = golden(weights, `transformer.h.${joined[1]}.attn.c_attn.${joined[3]}`);
    return columns(data, 96, 32 * "qkv".indexOf(joined[2]!), 32);
  }
  const rule = simple.find(([pattern]) => pattern.test(name));
  if (rule === undefined) throw new Error(`no GPT-2 name for ${name}`);
  return golden(weights, `transformer.${name.replace(...rule)}`).data;
};

describe("hf gpt2", () => {
  const expected = readGolden("hf/gpt2/golden.safetensors");
  const weights = readGolden("hf/gpt2/model.safetensors");
  const ids = golden(expected, "input_ids");
  const { parameters, run } = passOf(model, 2, 12);
  const state = Object.fromEntries(parameters.map((p) => [p.name, valueOf(weights, p.name)]));
  const found = run({ ids: ids.data, targets: shiftLabels(ids), state });

  it("computes the same logits, loss and state", () => {
    expect(maxDifference(found["logits"]!, golden(expected, "logits").data)).toBeLessThan(5e-5);
    expect(maxDifference(found["hidden.1"]!, golden(expected, "hidden.1").data)).toBeLessThan(5e-5);
    expect(maxDifference(found["loss"]!, golden(expected, "loss").data)).toBeLessThan(5e-6);
  });
});
