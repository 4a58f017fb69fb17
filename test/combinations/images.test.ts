// Image models: every unit with every norm, head and way to part, in use and in training; each setting of these in some model; and
// whole programs of sparse training.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { compile, savedModelOf, type Compilation } from "../../src/compiler/compile.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { printGraph } from "../../src/compiler/ir/text.ts";
import { initialState } from "../../src/runtime/state.ts";
import { coverOf } from "./cover.ts";
import { check, images, labelOf, product, type Part } from "./models.ts";
import { numbersOf } from "./numbers.ts";
import { verify } from "./verify.ts";

const { axes, axisOf, errorsOf, refusedPairs, textOf } = images;

/** Where a model parts, and all that heads may share. */
const partings: readonly Part[] = [
  "split(heads: 2, blocks_in_head: 0)",
  "split(heads: 2, blocks_in_head: 2, loss: mean)",
  "split(heads: 3, blocks_in_head: 1, last_batch_norm: shared)",
  "split(heads: 2, blocks_in_head: 1, combine: mean_probabilities)",
  "ensemble(members: 2, loss: mean)",
].map((text) => ({ key: "trails", text, ctor: text.replace(/\(.*/, "") }));
const partsOf = (key: string): readonly Part[] => {
  const { plain, settings } = axisOf(key);
  return key === "trails" ? [...plain, ...partings] : [...plain, ...settings];
};

const modes = [
  ["in use", false],
  ["in training", true],
] as const;

describe.each(modes)("gradients %s", (_mode, training) => {
  const whole = product(["unit", "final_norm", "trails"].map(partsOf));
  it.each(whole.map((parts) => [labelOf(parts), parts] as const))("%s", (_label, parts) => {
    verify(images, parts, training);
  });
});

describe.each(modes)("settings %s", (_mode, training) => {
  const sound = new Set(
    axes.flatMap(({ settings }) => settings).filter((part) => errorsOf([part]).length === 0),
  );
  const { models } = coverOf(
    axes.map((axis) => ({ ...axis, settings: axis.settings.filter((part) => sound.has(part)) })),
    () => true,
    (parts) => (errorsOf(parts).length === 0 ? [] : refusedPairs(parts)),
  );
  it("are sound, most of them", () => {
    expect(sound.size).toBeGreaterThan(10);
  });
  it.each(models.map((parts) => [labelOf(parts), parts] as const))("%s", (_label, parts) => {
    verify(images, parts, training);
  });
});

const recipe = (sparsity: string): string => `recipe Training for Small {
data = images(shapes(train: 8, test: 4, size: 8))
optimizer = sgd(lr: 0.1, momentum: 0.9)
batch = 2 samples
length = 4 steps
decay { * => constant(0.01) }
${sparsity}
}`;
const compiled = (parts: readonly Part[], sparsity: string): Compilation => {
  const checked = check(`${textOf(parts).replace("6, 6, 2", "8, 8, 3")}\n${recipe(sparsity)}`);
  expect(checked.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const { models, recipes } = checked.spec!;
  return compile({
    entry: "small.arch",
    checked,
    model: models["Small"]!,
    recipe: recipes["Training"]!,
  });
};

describe("sparse training", () => {
  const trained = product(["unit", "trails"].map(partsOf)).filter((parts) => errorsOf(parts).length === 0); // prettier-ignore
  it.each(trained.map((parts) => [labelOf(parts), parts] as const))("of %s", (_label, parts) => {
    const compilation = compiled(parts, "sparsity { * => fixed(density: 0.4) }");
    for (const { module } of compilation.programs) expect(module).toContain("export const run");
    expect(savedModelOf(compilation, "main").length).toBeGreaterThan(0);

    const { state: entries } = compilation.compiled;
    const [step] = compilation.compiled.programs;
    const state: Record<string, ArrayLike<number>> = Object.fromEntries(
      [...initialState(entries, 1)].map(([{ name }, { data }]) => [name, Float64Array.from(data)]),
    );
    const pixels = Float64Array.from({ length: 2 * 8 * 8 * 3 }, (_, i) => ((i * 7) % 11) / 11);
    const scalars = Object.entries(step!.scalars).map(
      ([name, expr]) => [name, [evaluateScalar(expr, 2)]] as const,
    );
    const { updates } = evaluate(step!.graph, {
      inputs: { images: pixels, targets: [1, 4], ...Object.fromEntries(scalars) },
      state,
    });
    const masks = entries.filter(({ kind }) => kind === "mask");
    const kernels = entries.filter((e) => e.kind === "param" && e.shape.length > 1);
    expect(masks.length).toBeGreaterThan(0);
    expect(masks.length).toBeLessThanOrEqual(kernels.length);
    for (const { name } of masks) {
      const parameter = name.replace("/mask", "");
      const [after, mask] = [updates[parameter]!.data, state[name]!];
      expect(after.some((x, i) => x !== state[parameter]![i])).toBe(true);
      for (const values of [after, updates[`${parameter}/momentum`]!.data])
        expect(values.every((x, i) => mask[i] === 1 || Math.abs(x) === 0)).toBe(true);
    }
  });
  it.each(partsOf("unit").map((part) => [part.text, part] as const))(
    "of %s keeps everything at a density of 1",
    (_text, part) => {
      const [whole, dense] = ["sparsity { * => fixed(density: 100%) }", ""].map((sparsity) =>
        compiled([part], sparsity),
      );
      expect(whole!.compiled.state).toEqual(dense!.compiled.state);
      whole!.programs.forEach(({ graph }, i) => {
        expect(printGraph(graph)).toBe(printGraph(dense!.programs[i]!.graph));
      });
    },
  );
});

it("what is compared in training differs from what is compared in use", () => {
  const model = Object.values(check(textOf([])).spec!.models)[0]!;
  const [use, training] = [false, true].map((mode) => printGraph(numbersOf(model, true, mode).graph)); // prettier-ignore
  expect(training).toContain("batchNorm");
  expect(use).not.toContain("batchNorm");
});
