// Paths of sources as a bundle shows them, and the choice of a model and a recipe.
import { describe, expect, test } from "vitest";
import { choose } from "../../src/compiler/choose.ts";
import { fromFolderOf } from "../../src/compiler/places.ts";
import type { DecoderSpec, RecipeSpec, Spec } from "../../src/compiler/semantics/spec.ts";

test("files are named from the entry's folder, wherever that lies", () => {
  expect(fromFolderOf("model.arch", "model.arch")).toBe("model.arch");
  expect(fromFolderOf("a/b/model.arch", "a/b/model.arch")).toBe("model.arch");
  expect(fromFolderOf("a/b/model.arch", "a/b/parts/x.arch")).toBe("parts/x.arch");
  expect(fromFolderOf("a/b/model.arch", "a/llama.arch")).toBe("../llama.arch");
  expect(fromFolderOf("/x/a/model.arch", "/x/llama.arch")).toBe("../llama.arch");
});

const variant = { is: "x" };
const model = (name: string): DecoderSpec => ({
  kind: "decoder", name, doc: null, vocab_size: 4, hidden_size: 4, context: 4, init: variant, embedding: variant, blocks: [], final_norm: null, head: variant,
}); // prettier-ignore
const one = { unit: "sequence", value: 1 };
const recipe = (name: string): RecipeSpec => ({
  name, doc: null, data: variant, optimizer: variant, schedule: variant, batch: one, micro: one, length: { unit: "step", value: 1 },
  clip: null, precision: variant, deterministic: false, checkpoint: null, seed: 0, eval_every: null, save_every: null, probes: null, sample: null, decay: [], sparsity: [],
}); // prettier-ignore
const spec = (
  models: readonly string[],
  recipes: readonly string[],
  recipeFor: Spec["recipeFor"] = {},
): Spec => ({
  edition: 1,
  models: Object.fromEntries(models.map((name) => [name, model(name)])),
  recipes: Object.fromEntries(recipes.map((name) => [name, recipe(name)])),
  recipeFor,
});
const names = (chosen: ReturnType<typeof choose>): string =>
  chosen.ok
    ? `${chosen.model.name} ${chosen.recipe?.name ?? "-"}`
    : `${chosen.problem} | ${chosen.hints.join(" | ")}`;

describe("choose", () => {
  test("the only one of each", () =>
    expect(names(choose(spec(["M"], ["R"]), {}, true))).toBe("M R"));
  test("several models are listed", () => {
    expect(names(choose(spec(["A", "B"], ["R"]), {}, true))).toBe(
      "the file declares 2 models: A, B | choose one: --model A, --model B",
    );
  });
  test("a recipe that is for a model settles it", () => {
    expect(names(choose(spec(["A", "B"], ["R"], { R: "B" }), {}, true))).toBe("B R");
  });
  test("a model settles the recipe that is for it", () => {
    expect(
      names(choose(spec(["A", "B"], ["R", "S"], { R: "A", S: "B" }), { model: "B" }, true)),
    ).toBe("B S");
  });
  test("an unknown name lists those that exist", () => {
    expect(names(choose(spec(["A"], ["R"]), { recipe: "X" }, true))).toBe(
      "no recipe is called X | the file declares R",
    );
  });
  test("an unknown recipe is told before it is asked which model is meant", () => {
    const three = spec(["A", "B"], ["R", "S"], { R: "A", S: "B" });
    const told = "no recipe is called X | the file declares R, S";
    expect(names(choose(three, { recipe: "X" }, true))).toBe(told);
    expect(names(choose(three, { recipe: "X" }, false))).toBe(told);
  });
  test("where a recipe is needed, those that settle the model are offered", () => {
    const three = spec(["A", "B"], ["R", "S", "T"], { R: "A", S: "B" });
    expect(names(choose(three, {}, true))).toBe(
      "the file declares 2 models: A, B | choose a recipe: --recipe R (for A), --recipe S (for B) | or a model: --model A, --model B",
    );
    expect(names(choose(three, {}, false))).toBe(
      "the file declares 2 models: A, B | choose one: --model A, --model B",
    );
  });
  test("a recipe for another model is refused", () => {
    expect(
      names(choose(spec(["A", "B"], ["R"], { R: "A" }), { model: "B", recipe: "R" }, true)),
    ).toContain("recipe R is for A, not for B");
  });
  test("without a recipe where none is needed", () => {
    expect(names(choose(spec(["M"], []), {}, false))).toBe("M -");
    expect(names(choose(spec(["M"], ["R", "S"]), {}, false))).toBe("M -");
    expect(names(choose(spec(["M"], []), {}, true))).toBe(
      "the file declares no recipe | add: recipe Name { … }",
    );
  });
});
