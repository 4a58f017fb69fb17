// The front half of the compiler, text to Spec: what `check` and editors need. It imports neither graphs nor emitters, so that
// they start fast.
import { check, checkRun, type CheckResult, type FileLoader } from "./semantics/check.ts";
import type { ModelSpec, RecipeSpec } from "./semantics/spec.ts";
import { vocabulary } from "./words.ts";

export type { CheckResult, FileLoader };

/** Text -> AST -> Spec, with everything there is to complain about. */
export const analyze = (
  entry: string,
  files: FileLoader,
  options: { readonly set?: Readonly<Record<string, string>> } = {},
): CheckResult =>
  check(entry, files, {
    vocabulary,
    set: Object.entries(options.set ?? {}).map(([key, value]) => ({ key, value })),
  });

/** What is wrong with a model and a recipe that meet only because the command line brings them together. */
export const analyzePair = (
  checked: CheckResult,
  model: ModelSpec,
  recipe: RecipeSpec,
): CheckResult["diagnostics"] => checkRun(checked, model.name, recipe.name, vocabulary);
