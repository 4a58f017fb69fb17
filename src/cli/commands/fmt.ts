// `specc fmt`: the one layout. A file with syntax errors is reported and left as it is.
import { formatSource } from "../../format/format.ts";
import { CliError } from "../errors.ts";
import { readSource, shownPath, writeFile } from "../files.ts";
import type { Io } from "../io.ts";
import type { CommonOptions } from "../options.ts";
import { archFiles, showDiagnostics } from "../sources.ts";

export interface FmtOptions extends CommonOptions {
  readonly check?: boolean;
  readonly stdin?: boolean;
  readonly stdinFilepath?: string;
}

export const fmt = async (
  io: Io,
  version: string,
  given: readonly string[],
  options: FmtOptions,
): Promise<number> => {
  const fromStdin =
    options.stdin === true ||
    options.stdinFilepath !== undefined ||
    (given.length === 1 && given[0] === "-");
  if (fromStdin && given.some((name) => name !== "-"))
    throw new CliError(`standard input or files, not both: ${given.join(", ")}`);
  if (!fromStdin && given.length === 0)
    throw new CliError("no files given", [
      "specc fmt model.arch, specc fmt ., or specc fmt --stdin",
    ]);

  const formatted = async (text: string, path: string): Promise<string | undefined> => {
    const result = await formatSource(text, path);
    if (result.ok) return result.text;
    showDiagnostics(
      io,
      { diagnostics: result.diagnostics, sources: [result.source] },
      { format: "text", stream: "err", color: options.color, version },
    );
    return undefined;
  };

  if (fromStdin) {
    const text = await io.stdin();
    const path = options.stdinFilepath ?? "stdin.arch";
    const result = await formatted(text, path);
    if (options.check === true) {
      if (result !== undefined && result !== text) io.out(`${path}\n`);
      return result === text ? 0 : 1;
    }
    // an editor that pipes through us keeps its text whatever happens
    io.out(result ?? text);
    return result === undefined ? 1 : 0;
  }

  const changed: string[] = [];
  let [broken, unread] = [0, 0];
  const files = archFiles(io, given);
  for (const file of files) {
    const shown = shownPath(io.cwd, file);
    const text = readSource(file) ?? { fault: "no such file" };
    if (typeof text !== "string") {
      unread++;
      io.err(`error: cannot read ${shown}: ${text.fault}\n`);
      continue;
    }
    const result = await formatted(text, shown);
    if (result === undefined) broken++;
    else if (result !== text) {
      changed.push(shown);
      if (options.check !== true) writeFile(file, result);
    }
  }
  for (const path of changed) io.out(`${path}\n`);
  if (options.quiet !== true) {
    const what = options.check === true ? "would change" : "changed";
    io.err(
      `${files.length} checked, ${changed.length} ${what}${broken > 0 ? `, ${broken} left as they are: they do not parse` : ""}${unread > 0 ? `, ${unread} not read` : ""}\n`,
    );
  }
  return broken + unread > 0 || (options.check === true && changed.length > 0) ? 1 : 0;
};
