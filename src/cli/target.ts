// What a command is pointed at: an `.arch` file, which is checked and from which a model and a recipe are chosen, or a folder
// with a bundle in it.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { CONFIG, MANIFEST } from "../bundle/names.ts";
import { analyze, analyzePair, type CheckResult } from "../compiler/analyze.ts";
import type { Target } from "../compiler/compile.ts";
import { choose } from "../compiler/choose.ts";
import { canonicalJson } from "../compiler/emit/manifest.ts";
import { sha256 } from "../compiler/emit/sha256.ts";
import { quoted } from "./called.ts";
import { CliError, Stop } from "./errors.ts";
import type { DecoderSpec, ModelSpec, RecipeSpec } from "../compiler/semantics/spec.ts";
import { isFile, isFolder, noFile, readText, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import type { ChoiceOptions } from "./options.ts";
import { bundleIn } from "./out-folder.ts";
import { filesOf, showDiagnostics, type Format } from "./sources.ts";

export type Place =
  | { readonly kind: "arch"; readonly path: string }
  | { readonly kind: "bundle"; readonly path: string };

/** What a folder without a bundle was probably named for. */
const meantIn = (folder: string, target: string): string => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".arch"));
  if (files.length === 1) return `did you mean ${quoted(join(target, files[0]!))}?`;
  if (files.length === 0 && isFile(join(folder, CONFIG)))
    return `specc import ${quoted(target)} reads it, a model of Hugging Face`;
  return "specc build FILE -o DIR makes one; specc train leaves one in its run";
};

export const placeOf = (io: Io, target: string): Place => {
  const path = resolve(io.cwd, target);
  if (isFile(path)) {
    if (path.endsWith(".arch")) return { kind: "arch", path };
    throw new CliError(`${target} is neither an .arch file nor a bundle's folder`);
  }
  if (!isFolder(path)) throw noFile(path, target);
  if (isFile(join(path, MANIFEST))) return { kind: "bundle", path };
  throw new CliError(`${target} holds no bundle: there is no ${MANIFEST} in it`, [
    meantIn(path, target),
  ]);
};

/** What is wrong with a choice that no `for` of the file makes; what the file's own check has said is left out. */
export const complaintsOfChoice = (
  checked: CheckResult,
  { model, recipe }: Pick<Target, "model" | "recipe">,
): CheckResult["diagnostics"] =>
  recipe === undefined || checked.spec?.recipeFor[recipe.name] !== undefined
    ? []
    : analyzePair(checked, model, recipe).filter(
        (d) => !checked.diagnostics.some((c) => c.code === d.code && c.at.start === d.at.start),
      );

/** What a command does with a recipe: it cannot do without, it shows or runs one if there is one, or it only needs the model. */
export type RecipeUse = "needed" | "welcome" | "unused";

/** Checks the file, shows what it finds, and stops the command when anything is wrong. */
export const checkedTarget = (
  io: Io,
  version: string,
  path: string,
  options: ChoiceOptions & { readonly format?: Format },
  use: RecipeUse,
): Target => {
  const entry = shownPath(io.cwd, path);
  const checked = analyze(
    entry,
    filesOf(io, path),
    options.set === undefined ? {} : { set: options.set },
  );
  const format = options.format ?? "text";
  const show = (result: CheckResult): void =>
    showDiagnostics(io, result, {
      format,
      stream: format === "text" ? "err" : "out",
      color: options.color,
      version,
    });
  show(checked);
  if (checked.spec === undefined) throw new Stop(1);
  const chosen = choose(
    checked.spec,
    { model: options.model, recipe: options.recipe },
    use === "needed",
  );
  if (!chosen.ok) throw new CliError(`${entry}: ${chosen.problem}`, chosen.hints);
  const diagnostics = complaintsOfChoice(checked, chosen);
  show({ ...checked, diagnostics });
  if (diagnostics.some((d) => d.severity === "error")) throw new Stop(1);
  if (use === "welcome" && chosen.undecided !== undefined && options.quiet !== true)
    io.err(`without a recipe: ${chosen.undecided.problem} (${chosen.undecided.hint})\n`);
  return { entry, checked, model: chosen.model, recipe: chosen.recipe };
};

/** spec.json of a bundle, as `specc build` wrote it. */
interface BundledSpec {
  readonly edition: number;
  readonly model: ModelSpec;
  readonly recipe?: RecipeSpec;
}
const isBundledSpec = (value: unknown): value is BundledSpec =>
  typeof value === "object" &&
  value !== null &&
  "edition" in value &&
  "model" in value &&
  typeof value.model === "object";

/** A bundle's spec as a target: it was checked when it was built, and is believed if it is still the same. */
export const bundleTarget = (io: Io, folder: string): Target => {
  const file = join(folder, "spec.json");
  const shown = shownPath(io.cwd, file);
  let spec: unknown;
  try {
    spec = JSON.parse(readText(file, shown));
  } catch (error) {
    if (error instanceof CliError) throw error;
    // told below
  }
  if (!isBundledSpec(spec) || sha256(canonicalJson(spec)) !== bundleIn(folder)?.specHash)
    throw new CliError(
      `${shown} is not what the bundle was built from: damaged, or changed since`,
      ["build the bundle again"],
      1,
    );
  const { edition, model, recipe } = spec;
  const checked = {
    spec: { edition, models: { [model.name]: model }, recipes: {}, recipeFor: {} },
    recipes: {},
    origins: new Map(),
    sources: [],
    diagnostics: [],
    edition,
  };
  return { entry: "", checked, model, recipe };
};

/** Options that only make sense where there is a spec to read. */
export const refuseChoice = (target: string, options: ChoiceOptions): void => {
  const given = (["model", "recipe", "set"] as const).find((name) => options[name] !== undefined);
  if (given !== undefined)
    throw new CliError(
      `--${given} needs an .arch file; ${target} is a bundle, whose model and recipe are settled`,
    );
};

/** Hugging Face's layouts, tokens and logits of positions are decoders' alone. */
const readsImages = (name: string): CliError =>
  new CliError(`${name} reads images: this is for models that read tokens`, [], 1);
export const refuseImages = ({ kind, name }: Pick<ModelSpec, "kind" | "name">): void => {
  if (kind === "image") throw readsImages(name);
};
export const decoderOf = (model: ModelSpec): DecoderSpec => {
  if (model.kind === "decoder") return model;
  throw readsImages(model.name);
};
