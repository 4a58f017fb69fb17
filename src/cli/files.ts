// Files of the command line: read with good complaints, written whole or not at all, and left alone when unchanged (so that
// builds and watchers see only what changed).
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { dirname, join, parse, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { codeOf, refusalOf } from "../runtime/file-errors.ts";
import { makeFolder } from "../runtime/node/make-folder.ts";
import { CliError } from "./errors.ts";

/** Undefined when nothing lies there, also where a part of the path is a file. */
const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
};
export const isFolder = (path: string): boolean => statOf(path)?.isDirectory() ?? false;
export const isFile = (path: string): boolean => statOf(path)?.isFile() ?? false;

export const reasonOf = (error: unknown): string =>
  refusalOf(error)?.reason ?? (error instanceof Error ? error.message : String(error));
const cannotRead = (shown: string, error: unknown): CliError =>
  new CliError(`cannot read ${shown}: ${reasonOf(error)}`);
/** With what mends it, where something does. */
export const cannotWrite = (shown: string, error: unknown): CliError => {
  const help = refusalOf(error)?.help;
  return new CliError(
    `cannot write ${shown}: ${reasonOf(error)}`,
    help === undefined ? [] : [help],
  );
};

const READS: ReadonlySet<string> = new Set(["stat", "lstat", "scandir", "read", "open"]);
/** What the operating system refused, wherever in a command that was; undefined for any other error. */
export const refusedAccess = (error: unknown): CliError | undefined => {
  if (!(error instanceof Error) || refusalOf(error) === undefined) return undefined;
  const { path, dest, syscall } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const place = dest ?? path;
  if (place === undefined || syscall === undefined) return undefined;
  return READS.has(syscall) ? cannotRead(place, error) : cannotWrite(place, error);
};

export const readText = (path: string, shown = path): string => {
  const read = decode(path);
  if ("fault" in read) throw new CliError(`cannot read ${shown}: ${read.fault}`);
  return read.text;
};
const decode = (path: string): { readonly text: string } | { readonly fault: string } => {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return { fault: reasonOf(error) };
  }
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return { fault: "it is UTF-16 text; save it as UTF-8" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { fault: "it is not UTF-8 text" };
  }
};

const oddity = (path: string): string | undefined => {
  const stat = statOf(path);
  if (stat === undefined || stat.isFile()) return undefined;
  return stat.isDirectory()
    ? "a folder"
    : stat.isFIFO()
      ? "a pipe"
      : stat.isSocket()
        ? "a socket"
        : "a device";
};
/** For a path that is no regular file: there is none, or opening it could wait for ever. */
export const noFile = (path: string, given: string): CliError => {
  const what = oddity(path);
  return new CliError(
    what === undefined ? `no such file: ${given}` : `${given} is ${what}, not a file`,
  );
};

/** A source of the compiler: UTF-8 text without zero bytes, in a regular file. undefined: there is none. */
export const readSource = (path: string): string | { readonly fault: string } | undefined => {
  const what = oddity(path);
  if (what !== undefined) return { fault: `it is ${what}, not a file` };
  if (!isFile(path)) return undefined;
  const read = decode(path);
  if ("fault" in read) return read;
  return read.text.includes("\0") ? { fault: "it is not text" } : read.text;
};
export const readBytes = (path: string, shown = path): Uint8Array => {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw cannotRead(shown, error);
  }
};

const same = (path: string, content: Uint8Array): boolean => {
  const stat = statOf(path);
  return (
    stat?.isFile() === true &&
    stat.size === content.length &&
    Buffer.compare(readFileSync(path), content) === 0
  );
};

/** A result is not written over what it is made from, whatever name either goes by. */
export const refuseInput = (out: string, shown: string, inputs: readonly string[]): void => {
  const place = statOf(out);
  const isSame = inputs.map(statOf).some((x) => x?.ino === place?.ino && x?.dev === place?.dev);
  if (place !== undefined && isSame)
    throw new CliError(`${shown} is what the command reads: it would be written over`, [
      "choose another name",
    ]);
};

/** What is left of a write that failed; where nothing can be written, nothing is left either. */
export const discard = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // the failure that led here is the one to tell
  }
};

/** To a temporary name, synced, renamed: a reader sees the old file or the new one. False when it held this already. */
export const writeFile = (path: string, content: string | Uint8Array): boolean => {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  if (same(path, bytes)) return false;
  // behind a link the file changes, and the link stays
  const target = existsSync(path) ? realpathSync(path) : path;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(target));
    const file = openSync(temporary, "w", statOf(target)?.mode);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
  } catch (error) {
    discard(temporary);
    throw cannotWrite(path, error);
  }
  return true;
};

/** As shown to people: relative to the working directory, with forward slashes. */
export const shownPath = (cwd: string, path: string): string => {
  const short = relative(cwd, path);
  return (short === "" ? "." : short.startsWith(`..${sep}..`) ? path : short).split(sep).join("/");
};

/** The nearest folder with a package.json, else the file's own. */
export const projectRoot = (file: string): string => {
  const start = dirname(resolve(file));
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === parse(folder).root) return start;
  }
};

/** Where specc itself lies, from the sources as well as from dist. */
export const packageRoot = (): string => projectRoot(fileURLToPath(import.meta.url));
