// What a command is pointed at: an `.arch` file, which is checked and from which a model and a recipe are chosen, or a folder
// with a bundle in it.
import { join, resolve } from "node:path";
import { analyze, type Target } from "../compiler/compile.ts";
import { choose } from "../compiler/choose.ts";
import { CliError, Stop } from "./errors.ts";
import { isFile, isFolder, shownPath } from "./files.ts";
import type { Io } from "./io.ts";
import type { ChoiceOptions } from "./program.ts";
import { filesOf, showDiagnostics, type Format } from "./sources.ts";

export const MANIFEST = "specc-manifest.json";
export type Place = { readonly kind: "arch"; readonly path: string } | { readonly kind: "bundle"; readonly path: string };

export const placeOf = (io: Io, target: string): Place => {
  const path = resolve(io.cwd, target);
  if (isFile(path)) {
    if (path.endsWith(".arch")) return { kind: "arch", path };
    throw new CliError(`${target} is neither an .arch file nor a bundle's folder`);
  }
  if (!isFolder(path)) throw new CliError(`no such file or folder: ${target}`);
  if (isFile(join(path, MANIFEST))) return { kind: "bundle", path };
  throw new CliError(`${target} holds no bundle: there is no ${MANIFEST} in it`, ["specc build FILE -o DIR makes one; specc train leaves one in its run"]);
};

/** Checks the file, shows what it finds, and stops the command when anything is wrong. */
export const checkedTarget = (
  io: Io,
  version: string,
  path: string,
  options: ChoiceOptions & { readonly format?: Format },
  needsRecipe: boolean,
): Target => {
  const entry = shownPath(io.cwd, path);
  const checked = analyze(entry, filesOf(io, path), options.set === undefined ? {} : { set: options.set });
  const format = options.format ?? "text";
  showDiagnostics(io, checked, { format, stream: format === "text" ? "err" : "out", color: options.color, version });
  if (checked.diagnostics.some((d) => d.severity === "error")) throw new Stop(1);
  const chosen = choose(checked.spec, { model: options.model, recipe: options.recipe }, needsRecipe);
  if (!chosen.ok) throw new CliError(`${entry}: ${chosen.problem}`, chosen.hints);
  return { entry, checked, model: chosen.model, recipe: chosen.recipe };
};

/** Options that only make sense where there is a spec to read. */
export const refuseChoice = (target: string, options: ChoiceOptions): void => {
  const given = (["model", "recipe", "set"] as const).find((name) => options[name] !== undefined);
  if (given !== undefined) throw new CliError(`--${given} needs an .arch file; ${target} is a bundle, whose model and recipe are settled`);
};
