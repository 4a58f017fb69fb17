// The door of the command line: arguments in, exit code out. `--version` answers before anything is imported; a mistake of the
// user is one sentence, a bug says what happened and where to report it.
import { readFileSync } from "node:fs";
import { CliError, Stop } from "./errors.ts";
import { processIo, type Io } from "./io.ts";

const versionOf = (): string => {
  for (const up of ["../..", "../../.."]) {
    try {
      const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), "utf8");
      const found = /"version":\s*"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) return found;
    } catch {
      // the sources lie one folder higher than the compiled files
    }
  }
  return "0.0.0";
};

const complain = (io: Io, version: string, error: unknown): number => {
  if (error instanceof Stop) return error.exitCode;
  if (error instanceof CliError) {
    const text = `error: ${error.message}\n${error.hints.map((hint) => `  ${hint}\n`).join("")}`;
    io.err(text.replaceAll(`${io.cwd}/`, ""));
    return error.exitCode;
  }
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.err(
    `specc ${version} failed: this is a bug in specc, not in your files.\n\n${what}\n\nPlease report it with the command you ran and, if you can, the .arch file.\n`,
  );
  return 70;
};

/** What the runtime found wrong with files and machines, and what the system refused, are the user's to mend, not ours. */
const told = async (error: unknown): Promise<unknown> => {
  const { FileFault } = await import("../bundle/file-fault.ts");
  const { EngineFault } = await import("../bundle/engine.ts");
  const { refusedAccess } = await import("./files.ts");
  return error instanceof FileFault || error instanceof EngineFault
    ? new CliError(error.message, error.help === undefined ? [] : [error.help], 1)
    : (refusedAccess(error) ?? error);
};

/** `argv` without the interpreter and the script. */
export const main = async (argv: readonly string[], io: Io = processIo()): Promise<number> => {
  const version = versionOf();
  if (argv.length <= 2 && ["--version", "-V"].includes(argv.at(-1) ?? "")) {
    io.out(`${version}\n`);
    return 0;
  }
  const { CommanderError } = await import("commander");
  const { buildProgram } = await import("./program.ts");
  let code = 0;
  const program = buildProgram(io, version, (result) => (code = result));
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return complain(io, version, await told(error));
  }
};
