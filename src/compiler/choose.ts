// Which model and which recipe a command means: the file's only one of each, or the ones it names.
import type { ModelSpec, RecipeSpec, Spec } from "./semantics/spec.ts";

export interface Choice {
  readonly model?: string | undefined;
  readonly recipe?: string | undefined;
}
export type Chosen =
  | {
      readonly ok: true;
      readonly model: ModelSpec;
      readonly recipe: RecipeSpec | undefined;
      /** What to choose, where there are several recipes and none is named. */
      readonly undecided?: { readonly problem: string; readonly hint: string };
    }
  | { readonly ok: false; readonly problem: string; readonly hints: readonly string[] };

const list = (names: readonly string[]): string => names.join(", ");
const fail = (problem: string, ...hints: readonly string[]): Chosen => ({
  ok: false,
  problem,
  hints,
});

const options = (kind: "model" | "recipe", names: readonly string[]): string =>
  list(names.map((name) => `--${kind} ${name}`));

const pick = (
  kind: "model" | "recipe",
  names: readonly string[],
  wanted: string | undefined,
): string | { readonly problem: string; readonly hint: string } => {
  if (wanted !== undefined)
    return names.includes(wanted)
      ? wanted
      : {
          problem: `no ${kind} is called ${wanted}`,
          hint:
            names.length === 0
              ? `the file declares no ${kind}`
              : `the file declares ${list(names)}`,
        };
  const [only, second] = names;
  if (only === undefined)
    return { problem: `the file declares no ${kind}`, hint: `add: ${kind} Name { … }` };
  if (second === undefined) return only;
  return {
    problem: `the file declares ${names.length} ${kind}s: ${list(names)}`,
    hint: `choose one: ${options(kind, names)}`,
  };
};

/** The recipes that are for one model and so settle it, as options. */
const settlingRecipes = ({ recipes, recipeFor }: Spec): readonly string[] =>
  Object.keys(recipes).flatMap((recipe) => {
    const model = recipeFor[recipe];
    return model === undefined ? [] : [`--recipe ${recipe} (for ${model})`];
  });

/** Without `needsRecipe` a file may do without one, or hold several of which none is meant. */
export const choose = (spec: Spec, choice: Choice, needsRecipe: boolean): Chosen => {
  const models = Object.keys(spec.models);
  const belongs = (recipe: string, model: string): boolean =>
    (spec.recipeFor[recipe] ?? model) === model;
  // `recipe R for M` settles the model too, when the recipe is known
  const recipes = Object.keys(spec.recipes);
  const named = choice.recipe ?? (recipes.length === 1 ? recipes[0] : undefined);
  const target = choice.model ?? (named === undefined ? undefined : spec.recipeFor[named]);
  // which model is meant is no question before the recipe is one
  const known = named === undefined ? named : pick("recipe", recipes, named);
  if (typeof known === "object") return fail(known.problem, known.hint);
  const model = pick("model", models, target);
  if (typeof model !== "string") {
    const isOpen = needsRecipe && target === undefined && models.length > 1;
    const settling = isOpen ? settlingRecipes(spec) : [];
    return settling.length === 0
      ? fail(model.problem, model.hint)
      : fail(
          model.problem,
          `choose a recipe: ${list(settling)}`,
          `or a model: ${options("model", models)}`,
        );
  }
  const fitting = recipes.filter((recipe) => belongs(recipe, model));
  if (choice.recipe !== undefined && !fitting.includes(choice.recipe))
    return fail(
      `recipe ${choice.recipe} is for ${spec.recipeFor[choice.recipe] ?? ""}, not for ${model}`,
    );
  const recipe = pick("recipe", choice.recipe === undefined ? fitting : recipes, choice.recipe);
  const found = spec.models[model];
  if (found === undefined) return fail(`no model is called ${model}`);
  if (typeof recipe === "string") return { ok: true, model: found, recipe: spec.recipes[recipe] };
  if (needsRecipe || choice.recipe !== undefined) return fail(recipe.problem, recipe.hint);
  return {
    ok: true,
    model: found,
    recipe: undefined,
    ...(fitting.length > 0 && { undecided: recipe }),
  };
};
