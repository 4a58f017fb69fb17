// What selectors take.
import { expect, test } from "vitest";
import { checkText, testParameters } from "../../../test/golden/semantics/world.ts";
import { matchSelector } from "./selectors.ts";

const text = (selector: string): string => `
model M {
  vocab_size = 256 hidden_size = 8 context = 256
  blocks 2 { norm = pre(layernorm()) attention = mha(2, bias: true, position: learned()) ffn = swiglu(4) scaling = gpas() }
}
recipe R for M { data = text("a") decay { ${selector} => none ** => constant(0.1) } }`;

const taken = (selector: string): readonly string[] => {
  const { spec } = checkText(text(selector));
  const rule = spec!.recipes["R"]!.decay[0]!;
  return paths().filter((path) => matchSelector(rule.selector, path, 2));
};
const paths = (): readonly string[] =>
  testParameters(checkText(text("norm")).spec!.models["M"]!).map(({ name }) => name);

test("parameters of a model", () => {
  expect(paths().filter((p) => !p.startsWith("blocks.1"))).toEqual([
    "embedding.weight",
    "position.weight",
    ...["attention_norm.weight", "attention_norm.bias"].map((p) => `blocks.0.${p}`),
    ...["q", "k", "v", "o"].flatMap((p) => [
      `blocks.0.attention.${p}.weight`,
      `blocks.0.attention.${p}.bias`,
    ]),
    ...[
      "gpas.gate",
      "ffn_norm.weight",
      "ffn_norm.bias",
      "ffn.gate.weight",
      "ffn.up.weight",
      "ffn.down.weight",
    ].map((p) => `blocks.0.${p}`),
    "final_norm.weight",
    "head.weight",
  ]);
});

test("runs of segments, and all below", () => {
  expect(taken("attention.q")).toEqual(
    [0, 1].flatMap((i) => [`blocks.${i}.attention.q.weight`, `blocks.${i}.attention.q.bias`]),
  );
  expect(taken("gate")).toEqual(
    [0, 1].flatMap((i) => [`blocks.${i}.gpas.gate`, `blocks.${i}.ffn.gate.weight`]),
  );
  expect(taken("gpas")).toEqual(["blocks.0.gpas.gate", "blocks.1.gpas.gate"]);
  expect(taken("norm").every((p) => p.includes("norm"))).toBe(true);
  expect(taken("norm")).toHaveLength(9);
  expect(taken("blocks[1].*.up")).toEqual(["blocks.1.ffn.up.weight"]);
  expect(taken("blocks.**.weight and not norm and not attention")).toEqual(
    [0, 1].flatMap((i) => ["gate", "up", "down"].map((p) => `blocks.${i}.ffn.${p}.weight`)),
  );
  expect(taken("blocks[0 .. 1].ffn, head")).toEqual([
    "blocks.0.ffn.gate.weight",
    "blocks.0.ffn.up.weight",
    "blocks.0.ffn.down.weight",
    "head.weight",
  ]);
  expect(taken("bias and (attention.q or norm)".replace(" or ", ", "))).toHaveLength(6);
});

test("a star is a segment or an index", () => {
  for (const selector of [
    "blocks.*.ffn",
    "blocks.ffn",
    "blocks.**.ffn",
    "*.ffn",
    "blocks[0 .. 2].ffn",
  ])
    expect(taken(selector)).toEqual(taken("ffn"));
  expect(taken("blocks.*.q")).toEqual(taken("q"));
  expect(taken("blocks.*")).toEqual(taken("blocks"));
  expect(taken("blocks.*.gpas.gate")).toEqual(["blocks.0.gpas.gate", "blocks.1.gpas.gate"]);
});
