// The front half of the compiler, text to Spec: what `check` and editors need. Neither passes nor emitters are loaded, so that
// they start fast; which parameters a model has is asked of its builders, the only place that says so.
import { check, checkRun, type CheckResult, type FileLoader } from "./semantics/check.ts";
import type { ModelSpec, RecipeSpec } from "./semantics/spec.ts";
import { features } from "./features/index.ts";
import { shapeOf } from "./model/masks.ts";
import { parametersOf } from "./model/parameters-of.ts";
import type { ParameterShape } from "./semantics/schema.ts";
import { vocabulary } from "./words.ts";

export type { CheckResult, FileLoader };

const language = {
  vocabulary,
  parametersOf: (model: ModelSpec): readonly ParameterShape[] =>
    parametersOf(model, features).map(shapeOf),
};

/** Text -> AST -> Spec, with everything there is to complain about. */
export const analyze = (
  entry: string,
  files: FileLoader,
  options: { readonly set?: Readonly<Record<string, string>> } = {},
): CheckResult =>
  check(entry, files, {
    ...language,
    set: Object.entries(options.set ?? {}).map(([key, value]) => ({ key, value })),
  });

/** The same of a text that imports nothing. */
export const analyzeText = (entry: string, text: string): CheckResult =>
  analyze(entry, {
    read: () => text,
    resolveImport: () => ({ fault: "there is one file" }),
  });

/** What is wrong with a model and a recipe that meet only because the command line brings them together. */
export const analyzePair = (
  checked: CheckResult,
  model: ModelSpec,
  recipe: RecipeSpec,
): CheckResult["diagnostics"] => checkRun(checked, model.name, recipe.name, language);
