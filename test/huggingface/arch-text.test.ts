// How layers that differ are said in an `.arch` file, and that the checker reads the same from it.
import { describe, expect, test } from "vitest";
import { layersText, numberText } from "../../src/compiler/huggingface/arch-text.ts";
import { modelName } from "../../src/cli/commands/import.ts";

const pattern = (word: string): (number | null)[] =>
  [...word].map((c) => (c === "f" ? null : c.charCodeAt(0) - 96));

describe("layers", () => {
  test.each([
    ["aaaa", "1"],
    ["aabb", "if l <= 2 then 1 else 2"],
    ["afafaf", "if mod(l, 2) == 0 then none else 1"],
    ["aaaaafaaaaafaa", "if mod(l, 6) == 0 then none else 1"],
    ["faafaa", "if mod(l, 3) == 1 then none else 1"],
    ["abca", "if l <= 1 then 1 else if l <= 2 then 2 else if l <= 3 then 3 else 1"],
    ["abaab", "if l <= 1 then 1 else if l <= 2 then 2 else if l <= 4 then 1 else 2"],
  ])("%s", (word, text) => {
    expect(layersText(pattern(word))).toBe(text);
  });
  test("inside a constructor, where one key differs", () => {
    const layers = pattern("afaf").map((window) => ({ is: "mha", heads: 4, window }));
    expect(layersText(layers)).toBe("mha(heads: 4, window: if mod(l, 2) == 0 then none else 1)");
  });
  test("whole constructors, where more than one does", () => {
    const layers = [
      { is: "gelu", intermediate: 4 },
      { is: "swiglu", intermediate: 8 },
    ];
    expect(layersText(layers)).toBe(
      "if l <= 1 then gelu(intermediate: 4) else swiglu(intermediate: 8)",
    );
  });
});

test.each([
  [0, "0"],
  [9999, "9999"],
  [32000, "32_000"],
  [1234567, "1_234_567"],
  [1e-6, "1e-6"],
  [1e-5, "1e-5"],
  [0.02, "0.02"],
  [0.6325, "0.6325"],
  [500000, "500_000"],
  [1e21, "1e21"],
])("number %d", (x, text) => {
  expect(numberText(x)).toBe(text);
  expect(Number(text.replaceAll("_", ""))).toBe(x);
});

test.each([
  [Math.sqrt(2304), "48"],
  [Math.sqrt(32), "sqrt(32)"],
  [1 / Math.sqrt(12), "1 / sqrt(12)"],
  [1 / Math.sqrt(256), "0.0625"],
  [0.1 + 0.2, "0.30000000000000004"],
])("root %d", (x, text) => {
  expect(numberText(x)).toBe(text);
});

test.each([
  ["llama", "Llama"],
  ["Llama-3.2-1B", "Llama3_2_1B"],
  ["gpt2", "Gpt2"],
  ["7b-chat", "Model7bChat"],
])("the name of %s", (folder, name) => {
  expect(modelName(folder)).toBe(name);
});
