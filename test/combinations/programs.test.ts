// Models in which each two constructors of different keys meet, as all their programs for both kinds of engines: sparse training,
// evaluation, generation.
import { describe, expect, it } from "vitest";
import { compile, savedModelOf } from "../../src/compiler/compile.ts";
import { coverOf } from "./cover.ts";
import { check, decodersOfBytes, labelOf } from "./models.ts";

const { axes, errorsOf, refusedPairs, textOf } = decodersOfBytes;

const RECIPE = `recipe Training for Small {
data = text("corpus.txt", sequence: 8)
optimizer = adamw()
batch = 2 sequences
sparsity { * => fixed(density: 0.5) }
length = 4 steps
}`;

const { models } = coverOf(
  axes.map((axis) => ({ ...axis, settings: [] })),
  () => true,
  (parts) => (errorsOf(parts).length === 0 ? [] : refusedPairs(parts)),
);
describe("all programs of", () => {
  it.each(models.map((parts) => [labelOf(parts), parts] as const))("%s", (_label, parts) => {
    const checked = check(`${textOf(parts)}\n${RECIPE}`);
    expect(checked.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    const { models: named, recipes } = checked.spec!;
    const compilation = compile({
      entry: "small.arch",
      checked,
      model: Object.values(named)[0]!,
      recipe: Object.values(recipes)[0]!,
    });
    expect(compilation.programs.map(({ entry }) => entry.name)).toEqual([
      "train_step",
      "eval_step",
      "prefill",
      "decode_step",
      "forward",
    ]);
    for (const { module } of compilation.programs) expect(module).toContain("export const run");
    for (const file of ["main", "check"] as const)
      expect(savedModelOf(compilation, file).length).toBeGreaterThan(0);
  });
});
