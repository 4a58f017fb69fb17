// What other libraries call our words: each name leads to a word that there is, and says so where it is written.
import { describe, expect, it } from "vitest";
import { analyzeText } from "./analyze.ts";
import { vocabulary } from "./words.ts";

const words = new Set<string>([
  ...["int", "float", "bool", "string", "*", "blocks"],
  // parts of parameters' names, by which selectors go
  ...["q", "k", "v", "o", "up", "down", "attention_norm", "ffn_norm"],
  ...vocabulary.constructors.flatMap(({ name, keys }) => [name, ...keys.map((key) => key.name)]),
  ...Object.values(vocabulary.keys).flatMap((keys) => keys.map(({ name }) => name)),
  ...Object.values(vocabulary.rules).flatMap((rules) => rules.map(({ name }) => name)),
  ...[...Object.values(vocabulary.keys).flat(), ...vocabulary.constructors.flatMap((c) => c.keys)]
    .map(({ type }) => type)
    .flatMap((type) => (type.kind === "word" ? type.words.map(({ name }) => name) : [])),
]);

const helpFor = (block: string): readonly string[] => {
  const text = `spec 1\nmodel M {\n  vocab_size = 7 hidden_size = 8 context = 16\n  blocks 4 {\n    norm = pre()\n    attention = mha(2)\n    ffn = swiglu(12)\n  }\n  blocks { ${block} }\n}\n`;
  return analyzeText("m.arch", text).diagnostics.flatMap((d) => d.help?.[0] ?? []);
};

/** What a rule of `decay` is told. */
const helpForSelector = (selector: string): readonly string[] => {
  const text = `spec 1\nmodel M {\n  vocab_size = 256 hidden_size = 8 context = 16\n  blocks 1 { norm = pre() attention = mha(2) ffn = swiglu(12) }\n}\nrecipe R for M {\n  data = text("a.txt", sequence: 16)\n  batch = 1 sequences\n  length = 1 steps\n  decay { ${selector} => none * => constant(0.1) }\n}\n`;
  return analyzeText("m.arch", text).diagnostics.flatMap((d) => d.help ?? []);
};

describe("other names", () => {
  it.each(Object.entries(vocabulary.otherNames))("of %s lead to a word", (word, others) => {
    expect(words.has(word)).toBe(true);
    expect(new Set(others).size).toBe(others.length);
    expect(others).not.toContain(word);
  });
  it.each([
    ["norm = pre_ln()", "did you mean `pre`?"],
    ["norm = post_pre()", "did you mean `mix`?"],
    ["norm = sandwich_ln()", "did you mean `sandwich`?"],
    ["ffn = moe(n_routed_experts: 8, top_k: 2, intermediate: 4)", "did you mean `experts`?"],
    ["ffn = moe(experts: 8, num_experts_per_tok: 2, intermediate: 4)", "did you mean `top_k`?"],
    ["ffn = moe(experts: 8, top_k: 2, intermediate: 4, aux_loss: 1)", "did you mean `balance`?"],
    ["ffn = moe(8, 2, 4, router: softmax(norm_topk_prob: true))", "did you mean `renormalise`?"],
    ["ffn = coe(8, 2, 4, inner_iter: 2)", "did you mean `iterations`?"],
    [
      "attention = mla(heads: 2, kv_lora_rank: 4, nope: 2, rope: 2, v: 2)",
      "did you mean `kv_rank`?",
    ],
    ["scaling = gpas(site: after_residual)", "did you mean `after_addition`?"],
  ])("are told: %s", (block, help) => {
    expect(helpFor(block)).toEqual([help]);
  });
  it.each([
    ["q_proj", "q"],
    ["o_proj", "o"],
    ["up_proj", "up"],
    ["w2", "down"],
    ["input_layernorm", "attention_norm"],
    ["ln_2", "ffn_norm"],
  ])("lead a selector there: %s", (selector, word) => {
    expect(helpForSelector(selector)).toEqual([`did you mean \`${word}\`?`]);
  });
  it("a word with parentheses is told to have none", () => {
    expect(helpFor("scaling = gpas(gate: tanh())")).toEqual(["write `tanh`"]);
  });
});
