// `specc check`: all diagnostics of the given files, imported files included once, and data that is not there.
import type { Diagnostic } from "../../compiler/diagnostics/types.ts";
import { analyze, type CheckResult } from "../../compiler/analyze.ts";
import { choose } from "../../compiler/choose.ts";
import { painter, wantsColor } from "../color.ts";
import { dataComplaints } from "../data-files.ts";
import { CliError } from "../errors.ts";
import { shownPath } from "../files.ts";
import type { Io } from "../io.ts";
import type { ChoiceOptions } from "../options.ts";
import { archFiles, filesOf, showDiagnostics, type Format } from "../sources.ts";
import { complaintsOfChoice } from "../target.ts";

export interface CheckOptions extends ChoiceOptions {
  readonly format: Format;
  readonly json?: boolean;
  readonly maxWarnings?: number;
}

/** What was said once is not said again for another entry that imports the same file. */
const merged = (results: readonly CheckResult[]): Pick<CheckResult, "diagnostics" | "sources"> => {
  const sources = new Map<string, CheckResult["sources"][number]>();
  const diagnostics = new Map<string, Diagnostic>();
  for (const result of results) {
    const ids = result.sources.map((source) => {
      const known = sources.get(source.path) ?? { ...source, id: sources.size };
      sources.set(source.path, known);
      return known.id;
    });
    const moved = <T extends { readonly file: number }>(span: T): T => ({
      ...span,
      file: ids[span.file] ?? span.file,
    });
    for (const d of result.diagnostics) {
      const at = moved(d.at);
      const key = `${d.code} ${at.file}:${at.start}:${at.end} ${d.message}`;
      diagnostics.set(key, {
        ...d,
        at,
        notes: d.notes.map((note) => ({ ...note, at: moved(note.at) })),
        fixes: d.fixes.map((fix) => ({
          ...fix,
          edits: fix.edits.map((edit) => ({ ...edit, at: moved(edit.at) })),
        })),
      });
    }
  }
  return { diagnostics: [...diagnostics.values()], sources: [...sources.values()] };
};

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** `--model A --recipe B`: whether they go together, though the file does not say that they should. */
const ofChoice = (
  shown: string,
  result: CheckResult,
  { model, recipe }: CheckOptions,
): CheckResult["diagnostics"] => {
  if ((model === undefined && recipe === undefined) || result.spec === undefined) return [];
  const chosen = choose(result.spec, { model, recipe }, true);
  if (!chosen.ok) throw new CliError(`${shown}: ${chosen.problem}`, chosen.hints);
  return complaintsOfChoice(result, chosen);
};

/** What is wrong with a file, and with the data that its recipes name. */
const checked = async (io: Io, file: string, options: CheckOptions): Promise<CheckResult> => {
  const { set } = options;
  const shown = shownPath(io.cwd, file);
  const result = analyze(shown, filesOf(io, file), set === undefined ? {} : { set });
  const diagnostics = [
    ...result.diagnostics,
    ...ofChoice(shown, result, options),
    ...(await dataComplaints(file, result)),
  ].sort((a, b) => a.at.file - b.at.file || a.at.start - b.at.start);
  return { ...result, diagnostics };
};

export const check = async (
  io: Io,
  version: string,
  given: readonly string[],
  options: CheckOptions,
): Promise<number> => {
  const files = archFiles(io, given);
  if (files.length > 1 && (options.model !== undefined || options.recipe !== undefined))
    throw new CliError("--model and --recipe choose from one file", [
      `there are ${files.length}: name one`,
    ]);
  const results: CheckResult[] = [];
  for (const file of files) results.push(await checked(io, file, options));
  const shown = merged(results);
  const format = options.json === true ? "json" : options.format;
  const stream = format === "text" ? "err" : "out";
  showDiagnostics(io, shown, { format, stream, color: options.color, version });
  const errors = shown.diagnostics.filter((d) => d.severity === "error").length;
  const warnings = shown.diagnostics.filter((d) => d.severity === "warning").length;
  const tooMany = options.maxWarnings !== undefined && warnings > options.maxWarnings;
  if (format === "text" && options.quiet !== true) {
    const paint = painter(wantsColor(io, options.color, "err"));
    const counts = [
      errors > 0 ? plural(errors, "error") : "",
      warnings > 0 ? plural(warnings, "warning") : "",
    ].filter((part) => part !== "");
    io.err(
      counts.length === 0
        ? `${paint.green("ok")}: ${plural(files.length, "file")} checked\n`
        : `${counts.join(", ")} in ${plural(files.length, "file")}\n`,
    );
    if (tooMany) io.err(`more warnings than --max-warnings ${options.maxWarnings ?? 0} allows\n`);
  }
  return errors > 0 || tooMany ? 1 : 0;
};
